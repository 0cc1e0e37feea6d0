-- Requests to be let into patients' records: short-lived, and nothing is allowed by them. What is asked, why, and the code are sealed under the organisation's secret.
CREATE TABLE access_requests (
    id         uuid PRIMARY KEY,
    -- The account of who asks.
    asker      uuid NOT NULL,
    -- A keyed hash of the code, unless a patient was named.
    code       bytea UNIQUE CHECK (length(code) = 32),
    -- The patient who was named, or who has taken it up. Nobody has checked that there is one.
    patient    uuid,
    sealed     bytea NOT NULL,
    declined   boolean NOT NULL DEFAULT false,
    -- The grants that the patient has prepared upon it, the last one last.
    prepared   uuid[] NOT NULL DEFAULT '{}',
    asked_at   timestamptz NOT NULL CHECK (isfinite(asked_at)),
    expires_at timestamptz NOT NULL,
    CHECK (code IS NOT NULL OR patient IS NOT NULL)
);
CREATE INDEX access_requests_asker ON access_requests (asker);
CREATE INDEX access_requests_patient ON access_requests (patient, asked_at, id);
-- What patients are told of, who have not decided.
CREATE INDEX access_requests_untold ON access_requests (asked_at) WHERE code IS NULL AND NOT declined AND prepared = '{}';
CREATE INDEX access_requests_expiry ON access_requests (expires_at);
