CREATE TABLE patients (
    id            uuid PRIMARY KEY,
    details       jsonb NOT NULL,
    intake        jsonb NOT NULL,
    version       int8 NOT NULL,
    position      int8 NOT NULL,
    registered_at timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
-- Nobody searches by these; counting their values for the planner is work for nothing.
ALTER TABLE patients ALTER COLUMN details SET STATISTICS 0, ALTER COLUMN intake SET STATISTICS 0;

-- The words of family and given names as they are compared (search.rs), for searching by how they begin.
CREATE TABLE patient_names (
    patient uuid NOT NULL,
    name    text COLLATE "C" NOT NULL
);
