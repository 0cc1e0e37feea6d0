-- Calls of other contracts, by the server's signing keys: the row of each, from when its signed transaction is stored beside it and for
-- ever. The row is what makes the same call happen once.
CREATE TABLE calls (
    id          uuid PRIMARY KEY,
    -- What it is for.
    kind        text NOT NULL CHECK (kind <> ''),
    target      bytea NOT NULL CHECK (length(target) = 20),
    -- keccak-256 of the target and the calldata: whether what comes again under the same id is the same.
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    stored_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Which transaction of the outbox it is, until it is clear what came of it.
    signer      bytea CHECK (length(signer) = 20),
    nonce       bigint,
    -- What came of it, in which block and transaction; of one that was refused, what the contract gave back.
    settled_at  timestamptz,
    succeeded   boolean,
    block       bigint,
    transaction bytea CHECK (length(transaction) = 32),
    reason      bytea,
    CHECK ((signer IS NULL) = (nonce IS NULL)),
    CHECK ((signer IS NULL) = (settled_at IS NOT NULL)),
    CHECK ((settled_at IS NULL) = (succeeded IS NULL)),
    CHECK ((settled_at IS NULL) = (block IS NULL)),
    CHECK ((settled_at IS NULL) = (transaction IS NULL)),
    CHECK (reason IS NULL OR NOT succeeded)
);
-- Those under way: few.
CREATE UNIQUE INDEX calls_transaction ON calls (signer, nonce) WHERE signer IS NOT NULL;
