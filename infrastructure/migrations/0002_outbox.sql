-- Who may sign with a key now. The fence rises with every new holder; what a former holder still tries to store is refused.
CREATE TABLE signer_leases (
    address bytea PRIMARY KEY CHECK (length(address) = 20),
    holder  uuid NOT NULL,
    fence   bigint NOT NULL,
    until   timestamptz NOT NULL
);

-- Transactions that are not final yet: stored before they are sent. One nonce may be signed several times at rising fees, always
-- with the same calldata: the first signature, and replacements of it.
CREATE TABLE outbox_transactions (
    signer      bytea NOT NULL CHECK (length(signer) = 20),
    nonce       bigint NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    replacement boolean NOT NULL DEFAULT false,
    signed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- EIP-2718 bytes, as they are sent.
    raw         bytea NOT NULL,
    PRIMARY KEY (signer, nonce, hash)
);
-- A nonce never has two contents, whatever a retry after a broken connection tries.
CREATE UNIQUE INDEX outbox_transactions_nonce ON outbox_transactions (signer, nonce) WHERE NOT replacement;
-- Ciphertext does not compress.
ALTER TABLE outbox_transactions ALTER COLUMN raw SET STORAGE EXTERNAL;

-- The commits of those transactions; what they say stands in the calldata. A command has one at most: that is what makes a
-- repeated command harmless.
CREATE TABLE outbox_commits (
    command_id  uuid PRIMARY KEY,
    signer      bytea NOT NULL CHECK (length(signer) = 20),
    nonce       bigint NOT NULL,
    batch_index int NOT NULL
);
CREATE INDEX outbox_commits_transaction ON outbox_commits (signer, nonce);

-- Commits that were accepted and that the contract refuses, alone and with gas to spare. Whoever asks for such a command is told.
CREATE TABLE refused_commits (
    command_id uuid PRIMARY KEY,
    refused_at timestamptz NOT NULL DEFAULT now()
);
