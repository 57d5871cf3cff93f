DROP VIEW IF EXISTS service_names;
CREATE VIEW service_names AS SELECT name FROM service_types;
