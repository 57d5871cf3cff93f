-- One name becomes two: everything up to the last space is the given name. A name without a space is a family name.

-- upgrade

ALTER TABLE customers ADD COLUMN given_name TEXT;
ALTER TABLE customers ADD COLUMN family_name TEXT;

UPDATE customers SET full_name = trim(full_name);

-- rtrim with all letters of the name but the space leaves what stands before the last space.
UPDATE customers
SET given_name = nullif(trim(rtrim(full_name, replace(full_name, ' ', ''))), ''),
    family_name = substr(full_name, length(rtrim(full_name, replace(full_name, ' ', ''))) + 1);

ALTER TABLE customers DROP COLUMN full_name;

-- rollback

ALTER TABLE customers ADD COLUMN full_name TEXT NOT NULL DEFAULT '';

UPDATE customers SET full_name = trim(coalesce(given_name, '') || ' ' || coalesce(family_name, ''));

ALTER TABLE customers DROP COLUMN family_name;
ALTER TABLE customers DROP COLUMN given_name;
