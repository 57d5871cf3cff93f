-- upgrade

CREATE TABLE coupons (
    code TEXT PRIMARY KEY COLLATE NOCASE,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 100),
    valid_until TEXT
) WITHOUT ROWID;

ALTER TABLE orders ADD COLUMN coupon_code TEXT REFERENCES coupons (code);

CREATE INDEX orders_coupon_code ON orders (coupon_code) WHERE coupon_code IS NOT NULL;

-- rollback

DROP INDEX orders_coupon_code;
ALTER TABLE orders DROP COLUMN coupon_code;
DROP TABLE coupons;
