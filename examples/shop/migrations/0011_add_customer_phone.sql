-- Some shops added the column by hand during an outage; there, only the index is missing.

-- upgrade

-- unless: column customers.phone
ALTER TABLE customers ADD COLUMN phone TEXT;

CREATE INDEX customers_phone ON customers (phone) WHERE phone IS NOT NULL;

-- rollback

DROP INDEX customers_phone;
ALTER TABLE customers DROP COLUMN phone;
