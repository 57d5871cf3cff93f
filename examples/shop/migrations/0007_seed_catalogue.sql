-- The categories and the first products; each shop needs them, so they are applied everywhere.
-- seed

-- upgrade

INSERT INTO categories (id, parent_id, name) VALUES
    (1, NULL, 'Kitchen'),
    (2, NULL, 'Garden'),
    (3, 1, 'Knives'),
    (4, 1, 'Pots; pans'),
    (5, 2, 'Tools');

INSERT INTO products (id, category_id, sku, name, price) VALUES
    (1, 3, 'KN-0180', 'Chef''s Knife 18 cm', 49.90),
    (2, 3, 'KN-0090', 'Paring Knife 9 cm', 14.50),
    (3, 4, 'PT-0240', 'Cast Iron Pot 24 cm', 89),
    (4, 5, 'GT-0001', 'Hand Trowel', 9.95),
    (5, 5, 'GT-0002', 'Pruning Shears', 27.25);

INSERT INTO stock_movements (product_id, kind, quantity) SELECT id, 'delivery', 20 FROM products WHERE id <= 5;

-- Sales at the counter belong to a customer too.
INSERT INTO customers (id, email, full_name) VALUES (1, 'counter@shop.example', 'Counter Sales');

-- rollback

DELETE FROM customers WHERE id = 1;
DELETE FROM stock_movements WHERE product_id <= 5;
DELETE FROM stock WHERE product_id <= 5;
DELETE FROM products WHERE id <= 5;
DELETE FROM categories WHERE id IN (3, 4, 5);
DELETE FROM categories WHERE id IN (1, 2);
