-- A merchant is a row of its own, and accounts are its staff. An account has no role: everybody may buy, and staff may also sell.
--
-- Nodes of before read `accounts.role` and must stop before this migration runs.

CREATE TABLE merchants (
    id         uuid        PRIMARY KEY,
    -- What buyers see as the seller. It has the limit of account names, so every present merchant keeps its name.
    name       text        NOT NULL CONSTRAINT merchants_name_length CHECK (char_length(name) BETWEEN 1 AND 80),
    created_at timestamptz NOT NULL DEFAULT muster_now()
);

-- Which accounts act for which merchants.
CREATE TABLE staff (
    merchant uuid NOT NULL REFERENCES merchants,
    -- There is no cascade: erasing an account must not leave a merchant without an owner.
    account  uuid NOT NULL REFERENCES accounts,
    -- What the account may do for the merchant. An owner may do everything.
    role     text NOT NULL CONSTRAINT staff_role CHECK (role IN ('owner')),
    -- The account comes first: each look-up of tokens and sessions asks for the merchants of an account.
    PRIMARY KEY (account, merchant)
);
-- For the list of a merchant's staff.
CREATE INDEX staff_of_merchant ON staff (merchant);

-- A present merchant keeps its account's UUID, so `deals.merchant` and the ids that clients have stay valid. New merchants get ids of
-- their own. An account that has deals is a merchant in any case, because the deals must belong to one.
INSERT INTO merchants (id, name, created_at)
SELECT a.id, a.name, a.created_at FROM accounts AS a
 WHERE a.role = 'merchant' OR EXISTS (SELECT 1 FROM deals AS d WHERE d.merchant = a.id);
INSERT INTO staff (merchant, account, role) SELECT id, id, 'owner' FROM merchants;

ALTER TABLE deals DROP CONSTRAINT deals_merchant_fkey;
ALTER TABLE deals ADD CONSTRAINT deals_merchant_fkey FOREIGN KEY (merchant) REFERENCES merchants;

-- Nothing is lost: merchants are rows now, everybody may buy, and no version of Muster could create an operator.
ALTER TABLE accounts DROP COLUMN role;

-- Wrong codes slow down the account that entered them. They were stored under the account's id already.
ALTER TABLE wrong_codes RENAME COLUMN merchant TO account;
ALTER INDEX wrong_codes_of_merchant RENAME TO wrong_codes_of_account;

-- `redeem_coupon` takes its place.
DROP FUNCTION IF EXISTS redeem_coupon_by_lookups(bytea[], uuid, text, text);
