"""Whether generated requests got through to what they ask for, at least once for each operation that lets them.

Where a path names something that is there, or a body does, nothing that is generated does; those operations are left to the end-to-end
suites. Signing out would end the session of all that comes after it.
"""

import json
import sys
from collections import Counter

# Of what is not there: withdrawing what nobody has is done. The problems are named in the document.
ANSWERED_WITH_AN_ID = {
    "walletsWithdrawPatients",
    "walletsWithdrawPractitioners",
    "walletsWithdrawStaffs",
    "systemProblem",
}

ANSWERED_BY_NOBODY = {
    # By an id in the body, an invitation, a code, or what a wallet has signed.
    "accessRequestsAsk",
    "accessRequestsTakeUp",
    "engagementsBegin",
    "patientsEraseMe",
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

operations, path = set(), ""
with open("openapi.yaml", encoding="utf-8") as document:
    for line in document:
        if line.startswith("  /") or line.startswith('  "/'):
            path = line
        elif line.strip().startswith("operationId:"):
            operation = line.split()[-1]
            operations.add(operation)
            # By an id in the path.
            if "{" in path and operation not in ANSWERED_WITH_AN_ID:
                ANSWERED_BY_NOBODY.add(operation)
answered = Counter()
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        answered.update(json.load(file))
never = sorted(operations - ANSWERED_BY_NOBODY - answered.keys())
if never:
    sys.exit(f"never answered with what was asked for: {', '.join(never)}")
