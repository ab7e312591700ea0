-- The answers of an audit. Each table says what its rows are; figures that were not
-- found are NULL. A unit whose state is not 'done' is unknown, never fine.

-- What answered: one row.
CREATE TABLE audit (
  schema TEXT NOT NULL,  -- kpkg-btf/audit/1.0
  tool   TEXT NOT NULL,
  rules  INTEGER NOT NULL, -- the revision of the program's rules
  policy TEXT NOT NULL,  -- SHA-256 of what the policy means
  day    TEXT NOT NULL   -- by which waivers expire, '' when none does
);

-- Kernels and packages of external modules that units are about.
CREATE TABLE side (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,    -- uname -r, or the name of a package
  version TEXT NOT NULL,    -- of the packages
  arch    TEXT NOT NULL,    -- the packaging's own word
  family  TEXT NOT NULL,    -- series and flavour: '6.1-cloud-amd64'; '' of external modules
  kernel  INTEGER NOT NULL, -- 1 of kernels
  age     INTEGER NOT NULL, -- of kernels: the place in the family, the oldest is 1
  digests TEXT NOT NULL UNIQUE -- of its packages, sorted, one a line
);

-- Packages of a side.
CREATE TABLE package (
  side   INTEGER NOT NULL REFERENCES side,
  name   TEXT NOT NULL,
  digest TEXT NOT NULL,
  size   INTEGER NOT NULL,
  at     TEXT NOT NULL
);

-- Units: a kernel on its own image ('kernel'), an upload on an earlier one
-- ('window'), external modules on a kernel ('outside').
CREATE TABLE unit (
  id        INTEGER PRIMARY KEY, -- in the order of the plan
  kind      TEXT NOT NULL,
  as_if     INTEGER NOT NULL,  -- 1: the names differ; could the name have been kept?
  new       INTEGER NOT NULL REFERENCES side,
  other     INTEGER REFERENCES side, -- the earlier upload, or the kernel
  state     TEXT NOT NULL,     -- done, failed, missing
  reason    TEXT NOT NULL,     -- why there is no result
  key       TEXT,              -- of the result in the store
  decision  TEXT,              -- in words, with conditions
  word      TEXT,              -- keep, distill, strip, bump, rebuild, inconclusive, rebuild-for
  exit_code INTEGER,
  modules   INTEGER,
  with_btf  INTEGER,
  btf_bytes INTEGER,
  base      TEXT,              -- SHA-256 of the kernel's base, '' without one
  types     INTEGER,           -- of the base
  strings   INTEGER,           -- bytes of its strings
  slack_types   INTEGER,       -- that a pinned base has left, NULL of one that is not
  slack_strings INTEGER,
  base_equal    TEXT,          -- of windows: equal, differs, unknown
  if_enforced   TEXT,          -- of windows: the action where signatures are enforced
  if_ignored    TEXT,          --   and where not
  crcs_changed  INTEGER,       -- of windows: exported symbols
  exports_lost  INTEGER
);
CREATE INDEX unit_new ON unit (new);
CREATE INDEX unit_other ON unit (other);

-- How many modules of a unit a word applies to. what is 'verdict' or 'meaning'.
CREATE TABLE outcome (
  unit    INTEGER NOT NULL REFERENCES unit,
  what    TEXT NOT NULL,
  word    TEXT NOT NULL,
  modules INTEGER NOT NULL
);
CREATE INDEX outcome_unit ON outcome (unit);

-- Findings; kpkg-btf help RULE explains one.
CREATE TABLE finding (
  unit     INTEGER NOT NULL REFERENCES unit,
  rule     TEXT NOT NULL,
  severity TEXT NOT NULL,
  action   TEXT NOT NULL,
  open     INTEGER NOT NULL, -- 1: it could not be answered
  subjects INTEGER NOT NULL,
  message  TEXT NOT NULL
);
CREATE INDEX finding_unit ON finding (unit);
CREATE INDEX finding_rule ON finding (rule);

-- What the build of a kernel encoded.
CREATE TABLE health (
  unit           INTEGER PRIMARY KEY REFERENCES unit,
  kfuncs         INTEGER NOT NULL,
  kfuncs_wrong   INTEGER NOT NULL,
  repeated_bytes INTEGER NOT NULL, -- of types that modules have again
  of_bytes       INTEGER NOT NULL, -- BTF of the modules that were looked at
  doubled        INTEGER NOT NULL, -- types of the base that stand in it twice
  names_lost     INTEGER NOT NULL
);
