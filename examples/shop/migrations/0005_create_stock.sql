-- What lies in the warehouse is the sum of what came and went; a trigger keeps the sum.

-- upgrade

CREATE TABLE stock (
    product_id INTEGER PRIMARY KEY REFERENCES products (id) ON DELETE CASCADE,
    quantity INTEGER NOT NULL DEFAULT 0 CHECK (quantity >= 0)
);

CREATE TABLE stock_movements (
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products (id),
    kind TEXT NOT NULL CHECK (kind IN ('delivery', 'sale', 'return', 'loss')),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    moved_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX stock_movements_product_id ON stock_movements (product_id, moved_at);

CREATE TRIGGER stock_movements_counted AFTER INSERT ON stock_movements
BEGIN
    INSERT INTO stock (product_id) VALUES (NEW.product_id) ON CONFLICT (product_id) DO NOTHING;
    UPDATE stock
    SET quantity = quantity + CASE
        WHEN NEW.kind IN ('delivery', 'return') THEN NEW.quantity
        ELSE -NEW.quantity
    END
    WHERE product_id = NEW.product_id;
END;

-- rollback

DROP TABLE stock_movements;
DROP TABLE stock;
