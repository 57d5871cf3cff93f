-- depends_on: ["0001"]
-- seed
-- upgrade

INSERT INTO service_types (name) VALUES ('api');

-- rollback

DELETE FROM service_types WHERE name = 'api';
