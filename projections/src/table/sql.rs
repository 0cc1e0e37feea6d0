//! The SQL that follows from a table's description.

/// A table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Description {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Whether it follows from other tables.
    pub(crate) derived: bool,
    /// The columns of its key.
    pub(crate) key: &'static [&'static str],
    /// All of its columns, in their order.
    pub(crate) columns: &'static [Column],
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) sql: SqlType,
    /// Whether it may hold nothing.
    pub(crate) nullable: bool,
    /// What of it counts in the content hash.
    pub(crate) seen: Option<&'static str>,
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SqlType {
    Bool,
    Bytes,
    Date,
    Instant,
    Int8,
    Json,
    Text,
    Texts,
    Uuid,
}

impl SqlType {
    /// As `CREATE TABLE` has it. Texts are compared by their bytes, on every machine alike.
    const fn declared(self) -> &'static str {
        match self {
            Self::Text => "text COLLATE \"C\"",
            Self::Json => "jsonb",
            Self::Texts => "text[]",
            Self::Bool | Self::Bytes | Self::Date | Self::Instant | Self::Int8 | Self::Uuid => self.sent(),
        }
    }

    /// What the elements are of the array in which values travel to Postgres. An array cannot be unnested into arrays, and an array of
    /// `jsonb` is no faster than one of text.
    const fn sent(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Bytes => "bytea",
            Self::Date => "date",
            Self::Instant => "timestamptz",
            Self::Int8 => "int8",
            Self::Text | Self::Json | Self::Texts => "text",
            Self::Uuid => "uuid",
        }
    }

    /// The value that arrived in this column.
    fn received(self, column: &str) -> String {
        match self {
            Self::Json => format!("{column}::jsonb"),
            Self::Texts => format!("ARRAY(SELECT jsonb_array_elements_text({column}::jsonb))"),
            _ => column.to_owned(),
        }
    }
}

impl Description {
    /// Creates the table; a derived one without its key ([`Self::complete`]). Nobody searches in JSON but by an index: counting its values for
    /// the planner is work for nothing.
    pub(crate) fn create(&self) -> String {
        let columns = self.columns.iter().map(|column| {
            let null = if column.nullable { "" } else { " NOT NULL" };
            format!("{} {}{null}", column.name, column.sql.declared())
        });
        let key = (!self.derived).then(|| format!("PRIMARY KEY ({})", self.key.join(", ")));
        let body = list(columns.chain(key));
        let json = self.columns.iter().filter(|column| column.sql == SqlType::Json);
        let uncounted = list(json.map(|column| format!("ALTER COLUMN {} SET STATISTICS 0", column.name)));
        match uncounted.as_str() {
            "" => format!("CREATE TABLE {} ({body});", self.name),
            _ => format!(
                "CREATE TABLE {name} ({body}); ALTER TABLE {name} {uncounted};",
                name = self.name
            ),
        }
    }

    /// Empties a derived table, and takes its key away: it is faster to make that once the table is filled.
    pub(crate) fn empty(&self) -> String {
        let name = self.name;
        format!("TRUNCATE {name}; ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {name}_pkey;")
    }

    /// Gives a derived table its key.
    pub(crate) fn complete(&self) -> String {
        format!("ALTER TABLE {} ADD PRIMARY KEY ({});", self.name, self.key.join(", "))
    }

    /// All columns, in their order.
    pub(crate) fn names(&self) -> String {
        list(self.columns.iter().map(|column| column.name))
    }

    /// All columns of all rows, for what a query adds.
    pub(crate) fn select(&self) -> String {
        format!("SELECT {} FROM {} ", self.names(), self.name)
    }

    /// The rows of keys that are bound as arrays.
    pub(crate) fn load(&self) -> String {
        match self.key {
            [key] => format!("{}WHERE {key} = ANY($1)", self.select()),
            key => format!(
                "SELECT {} FROM {} JOIN {} USING ({})",
                self.names(),
                unnested(self.key_columns(), "wanted"),
                self.name,
                key.join(", "),
            ),
        }
    }

    /// The first rows by their keys; after the key that is bound, as arrays of one, if there is one.
    pub(crate) fn page(&self, after: bool, limit: u32) -> String {
        let (select, key) = (self.select(), self.key.join(", "));
        let bound = list((1..).take(self.key.len()).map(|number| format!("(${number})[1]")));
        let condition = if after {
            format!("WHERE ({key}) > ({bound}) ")
        } else {
            String::new()
        };
        format!("{select}{condition}ORDER BY {key} LIMIT {limit}")
    }

    /// Writes rows that are bound as arrays, over those with the same keys.
    pub(crate) fn upsert(&self) -> String {
        let others = self.columns.iter().filter(|column| !self.key.contains(&column.name));
        let changes = list(others.map(|column| format!("{0} = EXCLUDED.{0}", column.name)));
        match changes.as_str() {
            "" => self.insert("DO NOTHING"),
            _ => self.insert(&format!("({}) DO UPDATE SET {changes}", self.key.join(", "))),
        }
    }

    /// Writes rows that are bound as arrays, and does so with those that are there.
    pub(crate) fn insert(&self, on_conflict: &str) -> String {
        format!(
            "INSERT INTO {0} ({1}) SELECT {2} FROM {3} ON CONFLICT {on_conflict}",
            self.name,
            self.names(),
            list(self.columns.iter().map(|column| column.sql.received(column.name))),
            unnested(self.columns.iter(), "changed"),
        )
    }

    /// Deletes the rows of keys that are bound as arrays.
    pub(crate) fn delete(&self) -> String {
        let name = self.name;
        let same = self.key.iter().map(|key| format!("{name}.{key} = gone.{key}"));
        format!(
            "DELETE FROM {name} USING {} WHERE {}",
            unnested(self.key_columns(), "gone"),
            same.collect::<Vec<_>>().join(" AND "),
        )
    }

    /// What readers see of each row, as one text, in the order of the keys.
    pub(crate) fn seen(&self) -> String {
        let seen = list(self.columns.iter().filter_map(|column| column.seen));
        format!(
            "SELECT ROW({seen})::text FROM {} ORDER BY {}",
            self.name,
            self.key.join(", ")
        )
    }

    /// In the order in which their arrays are bound.
    fn key_columns(&self) -> impl Iterator<Item = &Column> {
        let column = |key: &&str| self.columns.iter().find(|column| column.name == *key);
        self.key.iter().filter_map(column)
    }
}

/// Arrays that are bound, as a table of these columns.
fn unnested<'c>(columns: impl Iterator<Item = &'c Column>, name: &str) -> String {
    let columns: Vec<_> = columns.collect();
    let arrays = (1..)
        .zip(&columns)
        .map(|(number, column)| format!("${number}::{}[]", column.sql.sent()));
    let names = columns.iter().map(|column| column.name);
    format!("UNNEST({}) AS {name} ({})", list(arrays), list(names))
}

fn list<T: AsRef<str>>(parts: impl Iterator<Item = T>) -> String {
    let mut all = String::new();
    for part in parts {
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(part.as_ref());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn column(name: &'static str, sql: SqlType, nullable: bool, seen: Option<&'static str>) -> Column {
        Column {
            name,
            sql,
            nullable,
            seen,
        }
    }

    const VISITS: Description = Description {
        name: "visits",
        derived: false,
        key: &["owner", "day"],
        columns: &[
            column("owner", SqlType::Uuid, false, Some("owner")),
            column("day", SqlType::Date, false, Some("day")),
            column("why", SqlType::Json, true, Some("why - 'at'")),
            column("codes", SqlType::Texts, false, Some("codes")),
            column("version", SqlType::Int8, false, None),
        ],
    };

    const WORDS: Description = Description {
        name: "words",
        derived: true,
        key: &["word"],
        columns: &[column("word", SqlType::Text, false, Some("word"))],
    };

    #[test]
    fn a_table_is_created_with_its_key_unless_it_is_derived() {
        assert_eq!(
            VISITS.create(),
            "CREATE TABLE visits (owner uuid NOT NULL, day date NOT NULL, why jsonb, codes text[] NOT NULL, version int8 NOT NULL, \
             PRIMARY KEY (owner, day)); ALTER TABLE visits ALTER COLUMN why SET STATISTICS 0;"
        );
        assert_eq!(WORDS.create(), "CREATE TABLE words (word text COLLATE \"C\" NOT NULL);");
        assert_eq!(WORDS.complete(), "ALTER TABLE words ADD PRIMARY KEY (word);");
    }

    #[test]
    fn rows_travel_as_arrays_and_take_the_place_of_those_with_the_same_keys() {
        assert_eq!(
            VISITS.upsert(),
            "INSERT INTO visits (owner, day, why, codes, version) \
             SELECT owner, day, why::jsonb, ARRAY(SELECT jsonb_array_elements_text(codes::jsonb)), version \
             FROM UNNEST($1::uuid[], $2::date[], $3::text[], $4::text[], $5::int8[]) AS changed (owner, day, why, codes, version) \
             ON CONFLICT (owner, day) DO UPDATE SET why = EXCLUDED.why, codes = EXCLUDED.codes, version = EXCLUDED.version"
        );
        assert_eq!(
            WORDS.upsert(),
            "INSERT INTO words (word) SELECT word FROM UNNEST($1::text[]) AS changed (word) ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn rows_are_found_by_one_column_or_by_several() {
        assert_eq!(WORDS.load(), "SELECT word FROM words WHERE word = ANY($1)");
        assert_eq!(
            VISITS.load(),
            "SELECT owner, day, why, codes, version FROM UNNEST($1::uuid[], $2::date[]) AS wanted (owner, day) \
             JOIN visits USING (owner, day)"
        );
        assert_eq!(WORDS.page(false, 5), "SELECT word FROM words ORDER BY word LIMIT 5");
        assert_eq!(
            VISITS.page(true, 5),
            "SELECT owner, day, why, codes, version FROM visits WHERE (owner, day) > (($1)[1], ($2)[1]) ORDER BY owner, day LIMIT 5"
        );
        assert_eq!(
            VISITS.delete(),
            "DELETE FROM visits USING UNNEST($1::uuid[], $2::date[]) AS gone (owner, day) \
             WHERE visits.owner = gone.owner AND visits.day = gone.day"
        );
    }

    #[test]
    fn what_is_unseen_counts_in_no_hash() {
        assert_eq!(
            VISITS.seen(),
            "SELECT ROW(owner, day, why - 'at', codes)::text FROM visits ORDER BY owner, day"
        );
    }
}
