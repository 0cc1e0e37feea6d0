-- Specializations as they are compared (search.rs): the codes, to be met exactly, and the texts, one a line, to be searched in.
CREATE TABLE practitioners (
    id                   uuid PRIMARY KEY,
    details              jsonb NOT NULL,
    specialization_codes text[] NOT NULL,
    specialization_texts text COLLATE "C" NOT NULL,
    version              int8 NOT NULL,
    position             int8 NOT NULL,
    registered_at        timestamptz NOT NULL
);
