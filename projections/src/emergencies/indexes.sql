CREATE INDEX IF NOT EXISTS emergencies_by_age ON emergencies (opened_in);
CREATE INDEX IF NOT EXISTS emergencies_of_patient ON emergencies (patient, opened_in);
CREATE INDEX IF NOT EXISTS emergencies_of_practitioner ON emergencies (practitioner, opened_in);
CREATE INDEX IF NOT EXISTS emergencies_to_justify ON emergencies (justify_by) WHERE NOT is_justified AND NOT is_flagged;
CREATE INDEX IF NOT EXISTS emergencies_flagged ON emergencies (opened_in) WHERE NOT is_justified AND is_flagged;
CREATE INDEX IF NOT EXISTS emergencies_by_end ON emergencies (until);
CREATE INDEX IF NOT EXISTS emergencies_by_flag ON emergencies (coalesce(flagged_at, justify_by)) WHERE is_flagged;
