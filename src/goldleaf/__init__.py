"""goldleaf: a few gold labels, beaten thin over the whole data set.

    items ─▶ votes ─▶ posteriors ─▶ questions ─▶ certificates ─▶ exports
     add      label     infer          ask           certify        export
                  ▲                      │
                  └──── a person answers ┘        everything is recorded in the ledger
"""

__version__ = "0.1.0"
