CREATE INDEX IF NOT EXISTS accounts_listed ON accounts (id) WHERE listed;
CREATE INDEX IF NOT EXISTS accounts_by_wallet ON accounts (wallet) WHERE wallet IS NOT NULL;
CREATE INDEX IF NOT EXISTS account_keys_by_hash ON account_keys (hash, issued);
CREATE INDEX IF NOT EXISTS accounts_by_patient ON accounts (patient) WHERE patient IS NOT NULL;
