"""Whether generated requests got through to what they ask for, at least once for each operation that lets them.

Where a path names something that is there, or a body does, nothing that is generated does; those operations are left to the end-to-end
suites. Signing out would end the session of all that comes after it.
"""

import json
import sys
from collections import Counter

ANSWERED_BY_NOBODY = {
    # By an id in the path.
    "accountsRead",
    "accountsClose",
    "accountsIssueKey",
    "accountsRevokeKey",
    "walletsInviteStaff",
    "walletsTakeStaffsAway",
    "walletsInvitePatient",
    "walletsTakePatientsAway",
    "walletsInvitePractitioner",
    "walletsTakePractitionersAway",
    "appointmentsRead",
    "appointmentsCancel",
    "appointmentsComplete",
    "appointmentsConfirm",
    "appointmentsNoShow",
    "appointmentsReschedule",
    "commandsRead",
    "patientsRead",
    "patientsUpdateDetails",
    "patientsPractitioners",
    "chartsRead",
    "chartsNote",
    "chartsFinding",
    "chartsChange",
    "chartsRefute",
    "chartsStateAbsence",
    "chartsReport",
    "practitionersRead",
    "practitionersUpdate",
    "practitionersPatients",
    "availabilityRead",
    "availabilityPublish",
    "registrationApprove",
    "registrationDecline",
    # By an id in the body, an invitation, or what a wallet has signed.
    "appointmentsBook",
    "visitsRecord",
    "walletsAccept",
    "walletsChange",
    "authLogin",
    "authLogout",
    # By a wallet without an account.
    "registrationAsk",
    "registrationOwn",
}

with open("openapi.yaml", encoding="utf-8") as document:
    operations = {line.split()[-1] for line in document if line.strip().startswith("operationId:")}
answered = Counter()
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        answered.update(json.load(file))
never = sorted(operations - ANSWERED_BY_NOBODY - answered.keys())
if never:
    sys.exit(f"never answered with what was asked for: {', '.join(never)}")
