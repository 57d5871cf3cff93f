-- upgrade

DROP TRIGGER IF EXISTS service_types_stay;

CREATE TRIGGER service_types_stay BEFORE UPDATE OF name ON service_types
BEGIN
    SELECT CASE WHEN OLD.name = 'api' THEN RAISE(ABORT, 'this service keeps its name') END;
END;
