-- What a rebuild creates after it has filled the tables.
CREATE UNIQUE INDEX IF NOT EXISTS journal_position ON journal (position);
CREATE UNIQUE INDEX IF NOT EXISTS journal_stream ON journal (stream, version);
-- By the id alone, which names the type too: few types before many ids would be dear to sort.
CREATE INDEX IF NOT EXISTS journal_aggregate ON journal (aggregate_id, position) WHERE aggregate_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS journal_void ON journal (position) WHERE void IS NOT NULL;
CREATE INDEX IF NOT EXISTS journal_command ON journal (command_id) WHERE command_id IS NOT NULL;
