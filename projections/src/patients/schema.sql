CREATE TABLE patients (
    id            uuid PRIMARY KEY,
    details       jsonb NOT NULL,
    intake        jsonb NOT NULL,
    version       int8 NOT NULL,
    position      int8 NOT NULL,
    registered_at timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

-- Family and given names in lower case, for searching by how they begin.
CREATE TABLE patient_names (
    patient uuid NOT NULL,
    name    text COLLATE "C" NOT NULL,
    PRIMARY KEY (patient, name)
);
