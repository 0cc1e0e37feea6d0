-- Servers that share the database, and until when each counts that says nothing more.
CREATE TABLE servers (
    id    uuid PRIMARY KEY,
    until timestamptz NOT NULL
);
