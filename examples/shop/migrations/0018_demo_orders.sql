-- Orders to look at. Not wanted everywhere: `dbwarden migrate --tag demo` asks for them, at any later time too.
-- seed
-- tags: demo
-- depends_on: ["0007", "0016"]

-- upgrade

INSERT INTO customers (id, email, given_name, family_name, phone) VALUES
    (1001, 'ana@example.com', 'Ana Maria', 'Silva', '+351 21 000 0000'),
    (1002, 'ben@example.com', 'Ben', 'Okafor', NULL);

INSERT INTO addresses (id, customer_id, kind, is_preferred, street, postal_code, city, country) VALUES
    (1001, 1001, 'shipping', 1, 'Rua da Prata 1', '1100-414', 'Lisboa', 'PT'),
    (1002, 1002, 'shipping', 1, '12 Marina Road; flat 3', '102273', 'Lagos', 'NG');

INSERT INTO coupons (code, percent) VALUES ('WELCOME', 10);

INSERT INTO orders (id, customer_id, shipping_address_id, coupon_code) VALUES
    (1001, 1001, 1001, 'WELCOME'),
    (1002, 1002, 1002, NULL);

INSERT INTO order_items (order_id, line, product_id, quantity, unit_price_cents)
SELECT 1001, 1, id, 1, price_cents FROM products WHERE sku = 'KN-0180'
UNION ALL SELECT 1001, 2, id, 2, price_cents FROM products WHERE sku = 'GT-0001'
UNION ALL SELECT 1002, 1, id, 1, price_cents FROM products WHERE sku = 'PT-0240';

INSERT INTO stock_movements (product_id, kind, quantity)
SELECT product_id, 'sale', quantity FROM order_items WHERE order_id IN (1001, 1002);

INSERT INTO payments (id, order_id, provider, provider_reference, amount_cents, state, paid_at)
VALUES (1001, 1001, 'demo', 'demo-1001', 6980, 'captured', CURRENT_TIMESTAMP);

UPDATE orders SET status = 'paid' WHERE id = 1001;

-- rollback

INSERT INTO stock_movements (product_id, kind, quantity)
SELECT product_id, 'return', quantity FROM order_items WHERE order_id IN (1001, 1002);

DELETE FROM payments WHERE order_id IN (1001, 1002);
DELETE FROM order_items WHERE order_id IN (1001, 1002);
DELETE FROM order_events WHERE order_id IN (1001, 1002);
DELETE FROM orders WHERE id IN (1001, 1002);
DELETE FROM coupons WHERE code = 'WELCOME';
DELETE FROM addresses WHERE id IN (1001, 1002);
DELETE FROM customers WHERE id IN (1001, 1002);
