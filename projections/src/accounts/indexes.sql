CREATE INDEX IF NOT EXISTS accounts_listed ON accounts (id) WHERE listed;
CREATE INDEX IF NOT EXISTS account_keys_by_hash ON account_keys (hash, issued);
