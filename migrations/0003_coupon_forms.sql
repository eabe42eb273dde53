-- Coupons remember the form of their code. Each form has a check character and a look-up hash of its own.

ALTER TABLE coupons
    -- 1: check character modulo 37, look-up hash of all 17 characters. 2: check character over GF(32), look-up hash of the 16 digits.
    ADD COLUMN form smallint NOT NULL DEFAULT 1 CONSTRAINT coupons_form_is_known CHECK (form IN (1, 2));
-- Only the coupons of before are in form 1, so whoever issues a coupon has to name its form.
ALTER TABLE coupons ALTER COLUMN form DROP DEFAULT;

-- `issue_coupons` and `redeem_coupon_by_lookups` take their places.
DROP FUNCTION IF EXISTS settle_signups(uuid[], bigint[], bigint[], uuid[], uuid[], uuid[], integer[], uuid[], bytea[], smallint);
DROP FUNCTION IF EXISTS redeem_coupon(bytea, uuid, text, text);
