-- The data of a node at the last migration before the squash, as people left it. The node made it; the dates are moved.
--
-- The tokens are `mst_` and a letter 32 times: m for the merchant Mo, a for Ann, b for Bob, c for Cid. The deal "Kayak tour" has tipped.
-- Ann has three signups there, and left one. Coupons were made with two keys, and one of each key is redeemed. The first
-- signup is marked as settled, as nodes did before the table `settling`. The draft "Cooking class" was withdrawn.

DELETE FROM epoch;
INSERT INTO epoch (only_row, epoch, system_identifier, timeline)
VALUES
    (true, 1, 7714291522965288200, '00000001');
INSERT INTO accounts (id, email, name, role, password_hash, created_at)
VALUES
    ('0190a000-0000-7000-8000-000000000001', 'mo@example.com', 'Mo', 'merchant', NULL, '2025-03-01 11:39:58.662264+00'),
    ('0190a000-0000-7000-8000-000000000002', 'ann@example.com', 'Ann', 'buyer', NULL, '2025-03-01 11:39:58.782438+00'),
    ('0190a000-0000-7000-8000-000000000003', 'bob@example.com', 'Bob', 'buyer', NULL, '2025-03-01 11:39:58.89426+00'),
    ('0190a000-0000-7000-8000-000000000004', 'cid@example.com', 'Cid', 'buyer', NULL, '2025-03-01 11:39:58.990467+00');
INSERT INTO tokens (id, account, hash, label, scopes, created_at, expires_at, last_used_at, revoked_at)
VALUES
    ('0190a000-0000-7000-8001-000000000001', '0190a000-0000-7000-8000-000000000001', '\xeae6b2109624b9ec09fa8e4b84f7a1b5b0dfa0e6b46b35757fc42ac2c4c2afa0', 'phone', NULL, '2025-03-01 11:39:58.706779+00', NULL, '2025-03-01 11:40:02.393019+00', NULL),
    ('0190a000-0000-7000-8001-000000000002', '0190a000-0000-7000-8000-000000000002', '\xf9c8eb6bd87f1c4a0c859d69dd83819c3845cead3db7076184c4822584e5fcce', 'phone', NULL, '2025-03-01 11:39:58.834891+00', NULL, '2025-03-01 11:40:02.393448+00', NULL),
    ('0190a000-0000-7000-8001-000000000003', '0190a000-0000-7000-8000-000000000003', '\xed99a242de02042c17c27483c7a709500afb3059647d72355809d23bd804ebf4', 'phone', NULL, '2025-03-01 11:39:58.94686+00', NULL, '2025-03-01 11:40:02.393457+00', NULL),
    ('0190a000-0000-7000-8001-000000000004', '0190a000-0000-7000-8000-000000000004', '\x2224160d79cba4198c7901714f547ce8270c90645ed179bcf37d54c6cab778d7', 'phone', NULL, '2025-03-01 11:39:59.034828+00', NULL, '2025-03-01 11:40:02.393462+00', NULL);
INSERT INTO deals (id, merchant, rev, buyers, units, changed_at, state, title, description, price, face_value, currency, tipping_point, cap, per_buyer_max, opens_at, closes_at, time_zone, coupon_expires_at, city, category, picture, version, created_at, published_at, tipped_at, ended_at, all_settled_at, withdrawn_reason)
VALUES
    ('01a23167-8af7-7063-9503-3d8f90bb2341', '0190a000-0000-7000-8000-000000000001', 2, 0, 0, '2025-03-01 11:39:59.11725+00', 'withdrawn', 'Cooking class', 'Two hours on the lake.', 25.0000, 40.0000, 'EUR', 3, 20, 6, '2025-02-28 11:39:59+00', '2126-12-31 11:39:59+00', 'Europe/Berlin', '2127-09-27 11:39:59+00', NULL, NULL, NULL, 2, '2025-03-01 11:39:59.107447+00', NULL, NULL, '2025-03-01 11:39:59.11725+00', NULL, 'The kitchen is closed.'),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000001', 10, 3, 7, '2025-03-01 11:40:03.297625+00', 'tipped', 'Kayak tour', 'Two hours on the lake.', 25.0000, 40.0000, 'EUR', 3, 20, 6, '2025-02-28 11:39:59+00', '2126-12-31 11:39:59+00', 'Europe/Berlin', '2127-09-27 11:39:59+00', NULL, NULL, NULL, 2, '2025-03-01 11:39:59.065509+00', '2025-03-01 11:39:59.08291+00', '2025-03-01 11:39:59.272382+00', NULL, NULL, NULL);
INSERT INTO signups (deal, id, buyer, units, number, rev, state, joined_at, left_at, settled_at, held, held_rev)
VALUES
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', 'bf0b8861-5fc2-8149-9163-43ec6bf53f09', '0190a000-0000-7000-8000-000000000002', 1, 1, 3, 'active', '2025-03-01 11:39:59.168798+00', NULL, NULL, 1, 3),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '9ecb5764-a915-8b1d-be78-5dd8bd75bf6a', '0190a000-0000-7000-8000-000000000002', 2, 1, 4, 'left', '2025-03-01 11:39:59.193212+00', '2025-03-01 11:39:59.220708+00', NULL, 3, 4),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '1df45821-f1a8-8cd8-bb3d-ae46e79ca645', '0190a000-0000-7000-8000-000000000002', 1, 1, 5, 'active', '2025-03-01 11:39:59.204947+00', NULL, NULL, 2, 6),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '4ac6914f-0b01-8170-9686-98dcceda1dc7', '0190a000-0000-7000-8000-000000000003', 1, 2, 7, 'active', '2025-03-01 11:39:59.243018+00', NULL, NULL, 1, 7),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '57089a49-1f84-8686-8b12-252762383aa3', '0190a000-0000-7000-8000-000000000004', 1, 3, 8, 'active', '2025-03-01 11:39:59.272382+00', NULL, NULL, 1, 8),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '33096da9-912a-8d0e-a87f-3a0dce31ab1a', '0190a000-0000-7000-8000-000000000003', 1, 3, 9, 'active', '2025-03-01 11:40:03.251909+00', NULL, NULL, 2, 9),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '9e6997b3-fee2-80df-a05f-86d4faf10edf', '0190a000-0000-7000-8000-000000000004', 2, 3, 10, 'active', '2025-03-01 11:40:03.297625+00', NULL, NULL, 3, 10);
INSERT INTO settling (deal, settled_rev)
VALUES
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', 10);
INSERT INTO coupons (deal, signup, ordinal, id, buyer, key_id, issued_at, redeemed_at, redeemed_where, redeemed_by, redeemed_key)
VALUES
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', 'bf0b8861-5fc2-8149-9163-43ec6bf53f09', 1, '0e7a14e8-211b-8ee1-bbb7-727713fc1838', '0190a000-0000-7000-8000-000000000002', 1, '2025-03-01 11:39:59.311765+00', NULL, NULL, NULL, NULL),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '4ac6914f-0b01-8170-9686-98dcceda1dc7', 1, '6bcdbe9a-5386-806f-b4ad-662c87cb9c66', '0190a000-0000-7000-8000-000000000003', 1, '2025-03-01 11:39:59.311765+00', NULL, NULL, NULL, NULL),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '57089a49-1f84-8686-8b12-252762383aa3', 1, '61bbb8ae-e066-8090-a61c-c62b1b17d73b', '0190a000-0000-7000-8000-000000000004', 1, '2025-03-01 11:39:59.311765+00', NULL, NULL, NULL, NULL),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '1df45821-f1a8-8cd8-bb3d-ae46e79ca645', 1, '5d9b8846-53fb-83b6-ab73-596163a9251c', '0190a000-0000-7000-8000-000000000002', 1, '2025-03-01 11:39:59.311765+00', '2025-03-01 11:39:59.373216+00', 'Pier 1', '0190a000-0000-7000-8000-000000000001', 'r1'),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '9e6997b3-fee2-80df-a05f-86d4faf10edf', 1, '3c018588-df90-802d-ac18-a48bb2d66086', '0190a000-0000-7000-8000-000000000004', 2, '2025-03-01 11:40:03.340644+00', NULL, NULL, NULL, NULL),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '9e6997b3-fee2-80df-a05f-86d4faf10edf', 2, 'e0edd4d9-344e-85f6-921b-ccedbcf2bab7', '0190a000-0000-7000-8000-000000000004', 2, '2025-03-01 11:40:03.340644+00', NULL, NULL, NULL, NULL),
    ('01a23167-8ad8-7183-b3b6-74cf9af54afd', '33096da9-912a-8d0e-a87f-3a0dce31ab1a', 1, '60e58482-c903-89ea-8b93-ef222407a93e', '0190a000-0000-7000-8000-000000000003', 2, '2025-03-01 11:40:03.268134+00', '2025-03-01 11:40:03.639894+00', 'Pier 1', '0190a000-0000-7000-8000-000000000001', NULL);
INSERT INTO coupon_codes (lookup, deal, signup, ordinal)
VALUES
    ('\x1571a7858df8948fe3fc301b43e71663b2065569fca68a2ad8af0bb1f2b53ddf', '01a23167-8ad8-7183-b3b6-74cf9af54afd', 'bf0b8861-5fc2-8149-9163-43ec6bf53f09', 1),
    ('\x253cf19bc7b15a12f74fe952b5e1807feb6ab7f59db3e0870d5455230df1a0da', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '1df45821-f1a8-8cd8-bb3d-ae46e79ca645', 1),
    ('\x2a1f98832185ef7b9af2b396d841879d784100dfbb7228bc62aa72179c6ad8b9', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '4ac6914f-0b01-8170-9686-98dcceda1dc7', 1),
    ('\x3c4c4de49657e17fcd7c1335e06a1f15180483707e82f1e343e5232d36946fc4', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '57089a49-1f84-8686-8b12-252762383aa3', 1),
    ('\xd52377c12de88bdbfd3003b5bfe55debd210c5034b064f86f57dc7207e5c516c', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '33096da9-912a-8d0e-a87f-3a0dce31ab1a', 1),
    ('\x9abee84c9b005c20fc82ceed46d702ff9775cf40f3d90b90afa0e115beacd4aa', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '9e6997b3-fee2-80df-a05f-86d4faf10edf', 1),
    ('\xdfff3de1b982964058e52c6bc25dbe3ebaec1e0a253908316c0af6f379ac9cee', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '9e6997b3-fee2-80df-a05f-86d4faf10edf', 2);
INSERT INTO outbox (id, key, kind, deal, account, signup, created_at, next_at, attempts, expanded_to, delivered_at, parked_at, last_error)
 OVERRIDING SYSTEM VALUE VALUES
    (1, 'tip:01a23167-8ad8-7183-b3b6-74cf9af54afd', 'deal_tipped', '01a23167-8ad8-7183-b3b6-74cf9af54afd', NULL, NULL, '2025-03-01 11:39:59.286432+00', '2025-03-01 11:39:59.286432+00', 0, '0190a000-0000-7000-8000-000000000004', '2025-03-01 11:39:59.531504+00', NULL, NULL),
    (2, 'coupon:bf0b8861-5fc2-8149-9163-43ec6bf53f09', 'coupon_ready', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000002', 'bf0b8861-5fc2-8149-9163-43ec6bf53f09', '2025-03-01 11:39:59.322855+00', '2025-03-01 11:40:32.083976+00', 1, NULL, '2025-03-01 11:39:59.554142+00', NULL, NULL),
    (3, 'coupon:1df45821-f1a8-8cd8-bb3d-ae46e79ca645', 'coupon_ready', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000002', '1df45821-f1a8-8cd8-bb3d-ae46e79ca645', '2025-03-01 11:39:59.322987+00', '2025-03-01 11:40:42.880878+00', 1, NULL, '2025-03-01 11:39:59.554229+00', NULL, NULL),
    (4, 'coupon:4ac6914f-0b01-8170-9686-98dcceda1dc7', 'coupon_ready', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000003', '4ac6914f-0b01-8170-9686-98dcceda1dc7', '2025-03-01 11:39:59.322994+00', '2025-03-01 11:40:31.657813+00', 1, NULL, '2025-03-01 11:39:59.554239+00', NULL, NULL),
    (5, 'coupon:57089a49-1f84-8686-8b12-252762383aa3', 'coupon_ready', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000004', '57089a49-1f84-8686-8b12-252762383aa3', '2025-03-01 11:39:59.323+00', '2025-03-01 11:40:41.029545+00', 1, NULL, '2025-03-01 11:39:59.554247+00', NULL, NULL),
    (6, 'tip:01a23167-8ad8-7183-b3b6-74cf9af54afd:0190a000-0000-7000-8000-000000000002', 'deal_tipped', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000002', NULL, '2025-03-01 11:39:59.531186+00', '2025-03-01 11:40:41.59534+00', 1, NULL, '2025-03-01 11:39:59.554281+00', NULL, NULL),
    (7, 'tip:01a23167-8ad8-7183-b3b6-74cf9af54afd:0190a000-0000-7000-8000-000000000003', 'deal_tipped', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000003', NULL, '2025-03-01 11:39:59.531302+00', '2025-03-01 11:40:41.047439+00', 1, NULL, '2025-03-01 11:39:59.55429+00', NULL, NULL),
    (8, 'tip:01a23167-8ad8-7183-b3b6-74cf9af54afd:0190a000-0000-7000-8000-000000000004', 'deal_tipped', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000004', NULL, '2025-03-01 11:39:59.531315+00', '2025-03-01 11:40:41.48921+00', 1, NULL, '2025-03-01 11:39:59.554297+00', NULL, NULL),
    (9, 'coupon:33096da9-912a-8d0e-a87f-3a0dce31ab1a', 'coupon_ready', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000003', '33096da9-912a-8d0e-a87f-3a0dce31ab1a', '2025-03-01 11:40:03.276096+00', '2025-03-01 11:40:37.819737+00', 1, NULL, '2025-03-01 11:40:04.033756+00', NULL, NULL),
    (10, 'coupon:9e6997b3-fee2-80df-a05f-86d4faf10edf', 'coupon_ready', '01a23167-8ad8-7183-b3b6-74cf9af54afd', '0190a000-0000-7000-8000-000000000004', '9e6997b3-fee2-80df-a05f-86d4faf10edf', '2025-03-01 11:40:03.363431+00', '2025-03-01 11:40:34.440697+00', 1, NULL, '2025-03-01 11:40:04.033874+00', NULL, NULL);
SELECT pg_catalog.setval('outbox_id_seq', 10, true);
UPDATE signups SET settled_at = joined_at + interval '1 second' WHERE rev = (SELECT min(rev) FROM signups);
