CREATE TABLE relationships (
    patient      uuid NOT NULL,
    practitioner uuid NOT NULL,
    since        timestamptz NOT NULL,
    latest       timestamptz NOT NULL,
    appointments int8 NOT NULL
);
