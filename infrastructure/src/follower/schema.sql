-- What the follower writes, besides the read models. It can all be rebuilt from the chain. Created in the first schema of the
-- search path; names are never qualified, so that a schema can be renamed into place.

-- Which SQL made this schema: a hash over all of it. One row.
CREATE TABLE shape (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    hash      bytea NOT NULL CHECK (length(hash) = 32),
    made_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How far the follower is. One row.
CREATE TABLE checkpoint (
    singleton      boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    chain_id       bigint NOT NULL,
    contract       bytea NOT NULL CHECK (length(contract) = 20),
    -- The namespace of the organisation whose entries were opened.
    namespace      bigint NOT NULL,
    -- What the read models are made of: under which secrets events were opened, and which contracts are believed.
    made_of        text NOT NULL,
    block_number   bigint NOT NULL,
    block_hash     bytea NOT NULL CHECK (length(block_hash) = 32),
    position       bigint NOT NULL,
    running_hash   bytea NOT NULL CHECK (length(running_hash) = 32),
    final_block    bigint NOT NULL,
    final_position bigint NOT NULL,
    foreign_events bigint NOT NULL,
    void_events    bigint NOT NULL,
    unreadable_events bigint NOT NULL,
    overruled_events  bigint NOT NULL
);

-- The last blocks applied, linked by their hashes: all that can still be undone, and some before them.
CREATE TABLE blocks (
    number         bigint PRIMARY KEY,
    hash           bytea NOT NULL CHECK (length(hash) = 32),
    position       bigint NOT NULL,
    running_hash   bytea NOT NULL CHECK (length(running_hash) = 32),
    foreign_events bigint NOT NULL,
    void_events    bigint NOT NULL,
    unreadable_events bigint NOT NULL,
    overruled_events  bigint NOT NULL
);

-- The log as it is on the chain, still sealed. What is foreign, void or public has no aggregate, no command and no time of its own, and what nobody
-- can open any more has neither.
CREATE TABLE journal (
    position       bigint NOT NULL,
    stream         bytea NOT NULL CHECK (length(stream) = 32),
    version        bigint NOT NULL,
    -- keccak-256 of the payload, and of the last one that the stream had before the entry's commit.
    hash           bytea NOT NULL CHECK (length(hash) = 32),
    before         bytea NOT NULL CHECK (length(before) = 32),
    block_number   bigint NOT NULL,
    transaction    bytea NOT NULL CHECK (length(transaction) = 32),
    -- From whom it is and which of its commit's entries: count:16 || index:16 || writer:32.
    origin         bigint NOT NULL,
    -- Its type and its id.
    aggregate_id   text COLLATE "C",
    command_id     uuid,
    -- When it was decided, as the event says itself; NULL where that cannot be read.
    claimed_at     timestamptz,
    -- Why the entry means nothing, if it stands in a stream of ours and does not.
    void           text,
    payload        bytea NOT NULL
);
-- Payloads are ciphertext: trying to compress them is work for nothing.
ALTER TABLE journal ALTER COLUMN payload SET STORAGE EXTERNAL;
-- Nobody searches by these; counting their values for the planner is work for nothing.
ALTER TABLE journal ALTER COLUMN payload SET STATISTICS 0, ALTER COLUMN hash SET STATISTICS 0,
    ALTER COLUMN before SET STATISTICS 0, ALTER COLUMN transaction SET STATISTICS 0, ALTER COLUMN claimed_at SET STATISTICS 0;

-- When the blocks were made that have entries of the log, as their headers say, and the last position in each. Of all of them, for ever: `blocks`
-- forgets.
CREATE TABLE block_times (
    block    bigint PRIMARY KEY,
    time     timestamptz NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX block_times_time ON block_times (time, position);

-- Events of ours that cannot be read, and the events behind them in the same streams. All chapters of a record go by the first one.
CREATE TABLE parked (
    position  bigint PRIMARY KEY,
    stream    bytea NOT NULL CHECK (length(stream) = 32),
    reason    text NOT NULL,
    -- The key that is not here, or the data subject whose key it is, if that is the reason.
    key_id    bytea CHECK (length(key_id) = 8),
    subject   uuid,
    parked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX parked_stream ON parked (stream);

-- What was parked and came to mean nothing, or not all that it says, when it was tried again: the counts of the blocks do not have it.
CREATE TABLE released (
    position bigint PRIMARY KEY,
    came_to  text NOT NULL CHECK (came_to IN ('void', 'overruled', 'unreadable'))
);

-- The chapters of patients' records, but the first ones: which entry has closed the one before, so that it could begin.
CREATE TABLE chapters (
    stream bytea PRIMARY KEY CHECK (length(stream) = 32),
    -- The first chapter's stream, by which the record goes.
    record bytea NOT NULL CHECK (length(record) = 32),
    -- Which chapter it is, from 1.
    number integer NOT NULL CHECK (number BETWEEN 1 AND 65535),
    -- That of the closing of the one before.
    position bigint NOT NULL UNIQUE,
    UNIQUE (record, number)
);

-- Who is erased: with which entry their stream ends, or their record, which goes by its first chapter; and which of their keys are to be destroyed once that
-- is final.
CREATE TABLE erasures (
    position bigint PRIMARY KEY,
    stream   bytea NOT NULL UNIQUE CHECK (length(stream) = 32),
    -- A patient, a practitioner or an account: its type and its id.
    subject  text COLLATE "C" NOT NULL,
    key_ids  bytea[] NOT NULL
);

-- By which stream a stream goes: a record's chapters by the first one.
CREATE FUNCTION record_of(of bytea) RETURNS bytea STABLE LANGUAGE sql AS $$
    SELECT COALESCE((SELECT record FROM chapters WHERE chapters.stream = of), of)
$$;

-- The streams of all chapters of a record, which goes by the first; of any other stream itself.
CREATE FUNCTION chapters_of(of bytea) RETURNS SETOF bytea STABLE LANGUAGE sql AS $$
    SELECT of UNION ALL SELECT stream FROM chapters WHERE record = of
$$;

-- Where a stream stands: its last entry, at which position; of a record where its open chapter does, and whether anything of that counts yet. NULL where there is
-- none.
CREATE FUNCTION tip_of(of bytea) RETURNS TABLE (chapter integer, version bigint, hash bytea, at bigint, has_begun boolean)
STABLE LANGUAGE sql AS $$
    SELECT COALESCE(number, 0), last.version, last.hash, COALESCE(last.position, latest.position),
           EXISTS (SELECT FROM journal WHERE journal.stream = opened.stream AND aggregate_id IS NOT NULL)
    FROM (SELECT of AS stream) AS asked
    LEFT JOIN LATERAL (SELECT stream, number, position FROM chapters WHERE record = asked.stream ORDER BY number DESC LIMIT 1) AS latest ON true
    CROSS JOIN LATERAL (SELECT COALESCE(latest.stream, asked.stream) AS stream) AS opened
    LEFT JOIN LATERAL (SELECT version, hash, position FROM journal WHERE journal.stream = opened.stream ORDER BY version DESC LIMIT 1) AS last ON true
$$;

-- Where a stream stands, or a record that has this chapter: the tip, whether any of it is parked, and whether an erasure has ended it. NULL when there is no
-- such stream.
CREATE FUNCTION stream_head(of bytea) RETURNS json STABLE LANGUAGE sql AS $$
    SELECT json_build_object('chapter', chapter, 'version', COALESCE(version, 0), 'hash', encode(COALESCE(hash, decode(repeat('00', 32), 'hex')), 'hex'),
                             'position', at, 'has_begun', has_begun,
                             'is_held_back', EXISTS (SELECT FROM parked WHERE parked.stream = goes_by.stream),
                             'has_ended', EXISTS (SELECT FROM erasures WHERE erasures.stream = goes_by.stream))
    FROM (SELECT record_of(of) AS stream) AS goes_by CROSS JOIN LATERAL tip_of(goes_by.stream)
    WHERE at IS NOT NULL
$$;

-- The journal in the shape in which postgres-es reads events: of each aggregate its own, counted without a gap. With its last event an aggregate has its stream's head of the same
-- moment: whatever is decided upon events and a head of two moments could be taken for what it is not.
CREATE VIEW journal_events AS
SELECT 'entries'::text AS aggregate_type,
       aggregate_id,
       row_number() OVER own AS sequence,
       'sealed'::text AS event_type,
       '1'::text AS event_version,
       to_json(translate(encode(payload, 'base64'), E'\n', '')) AS payload,
       json_build_object('position', position, 'version', version, 'origin', origin, 'before', encode(before, 'hex'),
                         'chapter', (SELECT json_build_array(number, encode(stream, 'hex')) FROM chapters WHERE chapters.stream = journal.stream),
                         'head', CASE WHEN lead(position) OVER own IS NULL THEN stream_head(stream) END) AS metadata
FROM journal
WHERE aggregate_id IS NOT NULL
WINDOW own AS (PARTITION BY aggregate_id ORDER BY position);

-- Former images of rows that changed in blocks that can still be undone.
CREATE TABLE undo_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    block      bigint NOT NULL,
    table_name text NOT NULL,
    old_row    jsonb,
    new_row    jsonb
);
CREATE INDEX undo_log_block ON undo_log (block);
-- Nobody searches by these, and the planner's samples of them would outlive the rows.
ALTER TABLE undo_log ALTER COLUMN old_row SET STATISTICS 0, ALTER COLUMN new_row SET STATISTICS 0;

-- Set `medconnect.undo_block` for a transaction to record what it changes.
CREATE FUNCTION record_undo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO undo_log (block, table_name, old_row, new_row)
    VALUES (current_setting('medconnect.undo_block')::bigint, TG_TABLE_NAME,
            CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
            CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END $$;

-- Puts back the images of every block above `target`, the latest first.
CREATE FUNCTION undo_above(target bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    entry   record;
    matches text;
    columns text;
BEGIN
    PERFORM set_config('medconnect.undo_block', '', true);
    FOR entry IN SELECT * FROM undo_log WHERE block > target ORDER BY id DESC LOOP
        IF entry.new_row IS NOT NULL THEN
            SELECT string_agg(format('t.%1$I = r.%1$I', a.attname), ' AND ') INTO STRICT matches
            FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
            WHERE i.indrelid = entry.table_name::regclass AND i.indisprimary;
            EXECUTE format('DELETE FROM %1$I t USING jsonb_populate_record(NULL::%1$I, $1) r WHERE %2$s',
                           entry.table_name, matches) USING entry.new_row;
        END IF;
        IF entry.old_row IS NOT NULL THEN
            SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO STRICT columns
            FROM pg_attribute
            WHERE attrelid = entry.table_name::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
            EXECUTE format('INSERT INTO %1$I (%2$s) OVERRIDING SYSTEM VALUE
                            SELECT %2$s FROM jsonb_populate_record(NULL::%1$I, $1)',
                           entry.table_name, columns) USING entry.old_row;
        END IF;
    END LOOP;
    DELETE FROM undo_log WHERE block > target;
END $$;
