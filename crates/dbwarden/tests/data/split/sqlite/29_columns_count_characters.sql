SELECT 'äöü', '日本'; SELECT 2;
