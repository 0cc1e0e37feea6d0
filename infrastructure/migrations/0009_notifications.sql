-- Messages to people outside, from when something has happened that they are told of until they are sent or given up, and how that ended.
CREATE TABLE notifications (
    id          uuid PRIMARY KEY,
    occasion    text NOT NULL,
    -- What it has happened to.
    about       uuid NOT NULL,
    channel     text NOT NULL,
    -- The patient who is told, if it is one.
    patient     uuid,
    happened_at timestamptz NOT NULL CHECK (isfinite(happened_at)),
    attempts    bigint NOT NULL DEFAULT 0,
    -- When it is sent, or sent again: nobody else takes it before that; of one that has ended, when that was.
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- How it has ended, if it has.
    outcome     text
);
CREATE INDEX notifications_about ON notifications (about, occasion);
CREATE INDEX notifications_due ON notifications (due_at) WHERE outcome IS NULL;
CREATE INDEX notifications_given_up ON notifications (due_at) WHERE outcome = 'given-up';
CREATE INDEX notifications_patient ON notifications (patient);
CREATE INDEX notifications_age ON notifications (happened_at);
