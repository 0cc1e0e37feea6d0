CREATE TABLE accounts (
    id           uuid PRIMARY KEY,
    -- Whether lists show it: staff and services, not patients and practitioners.
    listed       bool NOT NULL,
    name         text,
    role         text COLLATE "C" NOT NULL,
    wallet       bytea,
    patient      uuid,
    practitioner uuid,
    closed       bool NOT NULL,
    -- What was done to the wallet, oldest first.
    wallet_acts  jsonb NOT NULL,
    version      int8 NOT NULL,
    position     int8 NOT NULL
);

CREATE TABLE account_keys (
    account uuid NOT NULL,
    -- The place among the account's keys, from 0, oldest first.
    ordinal int8 NOT NULL,
    key     uuid NOT NULL,
    hash    bytea NOT NULL,
    scopes  jsonb NOT NULL,
    expires timestamptz,
    revoked bool NOT NULL,
    issued  int8 NOT NULL,
    PRIMARY KEY (account, ordinal)
);
