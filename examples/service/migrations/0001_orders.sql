-- upgrade
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer VARCHAR(100) NOT NULL, email VARCHAR(200));
INSERT INTO orders (id, customer) VALUES (1, 'ada'), (2, 'grace'), (3, 'barbara'), (4, 'frances'), (5, 'jean');

-- rollback
DROP TABLE orders;
