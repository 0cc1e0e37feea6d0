-- Signing in, invitations, requests to be registered, revocations, and the command registry. Everything here is short-lived except
-- revocations, which are few.

-- Nonces of EIP-4361 messages that were used, until they end. Those that were not are kept nowhere. One that a command has used is good for
-- a retry of it.
CREATE TABLE used_nonces (
    nonce      text PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    command_id uuid
);
CREATE INDEX used_nonces_expiry ON used_nonces (expires_at);

-- Sessions by the SHA-256 of their token; the token is kept nowhere.
CREATE TABLE sessions (
    token_hash      bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    wallet          bytea NOT NULL CHECK (length(wallet) = 20),
    idle_expires_at timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    -- What the wallet signed: the proof that an account keeps if one is opened or bound in this session.
    message         text NOT NULL,
    signature       bytea NOT NULL,
    opened_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sessions_expiry ON sessions (least(idle_expires_at, expires_at));
CREATE INDEX sessions_wallet ON sessions (wallet);

-- What is no longer good from the moment the command was accepted, before the log says so: accounts, keys and wallets, by id.
CREATE TABLE revocations (
    subject           uuid NOT NULL,
    command_id        uuid NOT NULL,
    added_at          timestamptz NOT NULL DEFAULT now(),
    -- The command, until the log has it or the aggregate refused it, and until when nobody else need carry it through.
    pending           jsonb,
    undisturbed_until timestamptz NOT NULL,
    PRIMARY KEY (subject, command_id)
);
CREATE INDEX revocations_pending ON revocations (undisturbed_until) WHERE pending IS NOT NULL;

-- The right to bind a wallet to an account, by the SHA-256 of its secret; the secret is kept nowhere. `turn` says how often who signs
-- in had changed: in the account, an invitation is good for one turn.
CREATE TABLE invitations (
    account      uuid PRIMARY KEY,
    hash         bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    patient      uuid,
    practitioner uuid,
    turn         bigint NOT NULL,
    issuer       uuid NOT NULL,
    -- The key that the issuer used, if it is a service.
    issuer_key   uuid,
    issued_at    timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);

-- Who asks to be registered, where that is by approval: one request for each wallet, by the keyed hash of it. What is asked, by whom, and
-- why it was declined are sealed under the organisation's secret; an approved one has nothing of it any more.
CREATE TABLE registration_requests (
    owner       uuid PRIMARY KEY,
    id          uuid NOT NULL UNIQUE,
    standing    text NOT NULL CHECK (standing IN ('waiting', 'approving', 'approved', 'declined')),
    -- The commands that approve it, and of which something may come.
    approved_by uuid[] NOT NULL DEFAULT '{}',
    -- The command that declined it.
    declined_by uuid,
    sealed      bytea,
    asked_at    timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    CHECK ((sealed IS NULL) = (standing = 'approved')),
    CHECK ((declined_by IS NULL) = (standing <> 'declined')),
    CHECK ((approved_by = '{}') = (standing <> 'approving'))
);
CREATE INDEX registration_requests_waiting ON registration_requests (asked_at, id) WHERE standing IN ('waiting', 'approving');
CREATE INDEX registration_requests_expiry ON registration_requests (expires_at);

-- Commands with an idempotency key, and commands whose caller does not wait. `fence` counts the claims of which something may have
-- come: an answer is written only by the last claimant. Answers hold ids and versions, never what a command was about.
CREATE TABLE commands (
    command_id      uuid PRIMARY KEY,
    issuer          uuid NOT NULL,
    idempotency_key bytea CHECK (length(idempotency_key) = 32),
    fingerprint     bytea CHECK (length(fingerprint) = 32),
    fence           bigint NOT NULL DEFAULT 1,
    claimed_until   timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    status          smallint,
    body            text,
    location        text,
    etag            text,
    UNIQUE (issuer, idempotency_key),
    CHECK ((idempotency_key IS NULL) = (fingerprint IS NULL)),
    CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX commands_age ON commands (created_at);
