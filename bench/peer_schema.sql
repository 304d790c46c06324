-- Schema peer: what the peers have instead of the engine. Tables are copies of the engine's, so that columns, constraints
-- and indexes are the same.

CREATE SCHEMA peer;

CREATE TABLE peer.je_exception (LIKE acct.je_exception INCLUDING ALL);

CREATE TABLE peer.ledger_entry_header (LIKE acct.ledger_entry_header INCLUDING ALL) PARTITION BY RANGE (je_date);
CREATE TABLE peer.ledger_entry_line (LIKE acct.ledger_entry_line INCLUDING ALL) PARTITION BY RANGE (je_date);
CREATE TABLE peer.account_balance_snapshot (LIKE acct.account_balance_snapshot INCLUDING ALL);
CREATE TABLE peer.journal_number (LIKE acct.journal_number INCLUDING ALL);
