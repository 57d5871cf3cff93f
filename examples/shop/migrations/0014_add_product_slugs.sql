-- A product's page gets a readable address.

-- upgrade

ALTER TABLE products ADD COLUMN slug TEXT;

UPDATE products
SET slug = lower(replace(replace(replace(name, '''', ''), ';', ''), ' ', '-'));

CREATE UNIQUE INDEX products_slug ON products (slug);

-- A new product without one gets one; the sku keeps two of one name apart.
CREATE TRIGGER products_slug_filled AFTER INSERT ON products WHEN NEW.slug IS NULL
BEGIN
    UPDATE products
    SET slug = lower(replace(replace(replace(NEW.name, '''', ''), ';', ''), ' ', '-'))
        || CASE
            WHEN EXISTS (SELECT 1 FROM products AS other WHERE other.id <> NEW.id AND other.name = NEW.name)
                THEN '-' || lower(NEW.sku)
            ELSE ''
        END
    WHERE id = NEW.id;
END;

-- rollback

DROP TRIGGER products_slug_filled;
DROP INDEX products_slug;
ALTER TABLE products DROP COLUMN slug;
