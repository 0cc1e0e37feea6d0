CREATE INDEX IF NOT EXISTS engagements_by_age ON engagements (begun_in);
CREATE INDEX IF NOT EXISTS engagements_of_auditor ON engagements (auditor, begun_in);
CREATE INDEX IF NOT EXISTS engagements_of_patient ON engagements (patient, begun_in) WHERE patient IS NOT NULL;
