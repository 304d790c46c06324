-- Two years of a book for audit files: entity FRA in euros, with texts that try to break a file, a reversal, a correction, manual journals,
-- lines of zero, and a template of a name that audit files use themselves. Included where acct.install() was called.
SET client_min_messages = warning;
SELECT current_database() || '_checker' AS checker \gset
DO $$ BEGIN EXECUTE format('CREATE ROLE %I SUPERUSER', current_database() || '_checker'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
INSERT INTO acct.currency VALUES ('EUR', 2), ('USD', 2) ON CONFLICT DO NOTHING;
INSERT INTO acct.entity (entity_code, name, functional_currency, country, registration_no)
VALUES ('FRA', E'Mutuelle "Étoile" & <Fils>\t|', 'EUR', 'FR', '123 456 789'), ('FRB', NULL, 'EUR', 'no', '987654321'), ('FRC', 'No currency', NULL, NULL, '1');
INSERT INTO acct.fund (fund, name, fund_type) VALUES ('FA', 'Fonds <A> & Cie', 'PARTICIPANT_RISK'), ('FB', 'Fonds B', 'OPERATOR');
INSERT INTO acct.chart_of_accounts (account_code, description, account_type)
VALUES ('512000', 'Banque', 'ASSET'), ('401100', E'Assurés\tcréditeurs | "A"', 'LIABILITY'), ('120000', 'Report à nouveau', 'EQUITY'),
       ('706100', E'=Primes, "émises"\r\nbrutes', 'INCOME'), ('616100', E'Sinistres 😀 \\ payés', 'EXPENSE'), ('616200', 'Frais', 'EXPENSE'), ('62', 'Two digits', 'EXPENSE'), ('47A-1', 'A hyphen', 'ASSET');
UPDATE acct.fund SET surplus_account_code = '120000' WHERE fund IN ('FA', 'FB');

CREATE PROCEDURE public.rule(code text, description text, lines text[], memos text[] DEFAULT '{}', skip_zero boolean DEFAULT true) LANGUAGE plpgsql AS $$
DECLARE
    part text[];
    v integer := 1 + coalesce((SELECT max(version) FROM acct.journal_template WHERE template_code = code), 0);
BEGIN
    INSERT INTO acct.journal_template (template_code, version, description, skip_zero_lines) VALUES (code, v, description, skip_zero);
    INSERT INTO acct.journal_template_match (template_code, version, match_no, txn_type) VALUES (code, v, 1, code);
    FOR n IN 1 .. cardinality(lines) LOOP
        part := regexp_match(lines[n], '^(DR|CR) (\S+) (\S+) (.*)$');
        INSERT INTO acct.journal_template_line (template_code, version, line_no, dr_cr, account_code, fund, amount_expr, is_balancing, memo)
        VALUES (code, v, n, part[1], part[2], part[3], nullif(part[4], '*'), part[4] = '*', memos[n]);
    END LOOP;
    PERFORM acct.submit_template(code, v);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM acct.approve_template(code, v);
    RESET SESSION AUTHORIZATION;
END
$$;
CREATE PROCEDURE public.event(id bigint, day date, txn_type text, gross numeric, policy text DEFAULT NULL, entity text DEFAULT 'FRA', currency text DEFAULT 'EUR', product text DEFAULT 'VIE', channel text DEFAULT 'AGENT') LANGUAGE sql AS $$
    INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, currency, entity_code, gross_amount, tabarru_amount)
    VALUES ($1, date_trunc('month', $2)::date, $2, $3, $8, $9, $5, $7, $6, $4, $4)
$$;
CREATE FUNCTION public.booked(month date) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    id bigint := acct.create_run(month);
BEGIN
    PERFORM FROM acct.expand_journals(id);
    PERFORM FROM acct.post_journals(id);
    RETURN id;
END
$$;
-- A manual journal of two lines, drafted by the session's user and approved by another.
CREATE FUNCTION public.entered(day date, memo text, debit_account text, credit_account text, amount numeric, kind text DEFAULT 'manual', reverse_on date DEFAULT NULL, line_memo text DEFAULT NULL, entity text DEFAULT 'FRA') RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    id bigint;
BEGIN
    INSERT INTO acct.manual_journal (journal_type, entity_code, je_date, currency, memo, auto_reverse_on) VALUES ($6, $9, $1, 'EUR', $2, $7) RETURNING journal_id INTO id;
    INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, debit, memo) VALUES (id, $3, 'FA', $5, $8);
    INSERT INTO acct.manual_journal_line (journal_id, account_code, fund, credit) VALUES (id, $4, 'FA', $5);
    PERFORM acct.submit_manual_journal(id);
    EXECUTE format('SET SESSION AUTHORIZATION %I', current_database() || '_checker');
    PERFORM acct.approve_manual_journal(id);
    RESET SESSION AUTHORIZATION;
    RETURN id;
END
$$;
CALL public.rule('CONTRIB', E'Primes\tencaissées | "vie"', '{DR 512000 FA gross_amount,CR 706100 FA *}', ARRAY[E'Tab\there | pipe "quote" back\\slash\r\nline \u2028 end 😀 =1+1 <&>', '/']);
CALL public.rule('CLAIM', 'Sinistres', '{DR 616100 FA gross_amount,CR 401100 FA *}');
CALL public.rule('PAY', NULL, '{DR 401100 FA gross_amount,CR 512000 FA gross_amount,DR 616100 FB gross_amount - gross_amount,CR 512000 FB gross_amount - gross_amount}', '{+Payment,-Payment,@zero}', false);
CALL public.rule('AN', 'A template of this name', '{DR 512000 FB gross_amount,CR 706100 FB *}');
SELECT count(*) > 0 AS made FROM acct.rotate_txn_source_partitions(26, '2024-01-01') \gset
BEGIN;
CALL public.event(1, '2024-03-05', 'CONTRIB', 1000, 'P-1');
CALL public.event(2, '2024-11-06', 'CLAIM', 250.5, 'P-1');
CALL public.event(3, '2024-12-31', 'AN', 70);
COMMIT;
SELECT public.booked('2024-03-01') AS run, public.booked('2024-11-01') AS run, public.booked('2024-12-01') AS run \gset
SELECT count(*) AS closed FROM generate_series(timestamp '2024-01-01', '2024-11-01', '1 month') AS m,
       acct.close_period(m::date, 'FRA', 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test') \gset
SELECT count(*) AS closed FROM acct.close_year('2024-12-31', 'FRA', 'PRIMARY', ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test') \gset
-- 2025: the months are not posted in their order.
BEGIN;
CALL public.event(11, '2025-02-10', 'CONTRIB', 0.1, E'P\t2 | "x"');
CALL public.event(12, '2025-02-11', 'CONTRIB', 123456789.99, '=P-3');
CALL public.event(13, '2025-02-12', 'CLAIM', 33.33, 'P-😀');
CALL public.event(14, '2025-01-13', 'CLAIM', 20);
CALL public.event(15, '2025-01-14', 'PAY', 7.77, 'P-1');
CALL public.event(16, '2025-01-15', 'AN', 5);
CALL public.event(17, '2025-03-16', 'CONTRIB', 80);
CALL public.event(18, '2025-03-17', 'CLAIM', 60);
COMMIT;
SELECT public.booked('2025-02-01') AS feb \gset
SELECT public.booked('2025-01-01') AS jan \gset
SELECT public.booked('2025-03-01') AS mar \gset
SELECT public.entered('2025-01-31', E'Provision\n"janvier"', '616100', '401100', 15.5, 'manual', '2025-02-01', E'=cmd|/c\tcalc') AS manual \gset
SELECT public.entered('2025-03-31', 'Apport', '512000', '120000', 2) AS manual \gset
-- One claim of February and its policy were wrong: reversed.
SELECT acct.reverse_journals(ARRAY(SELECT h.je_id FROM acct.ledger_entry_header AS h WHERE h.txn_id = 13), '2025-03-20', 'Wrong claim') AS reversal \gset
SELECT count(*) FROM acct.expand_journals(:reversal) \gset
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) FROM acct.post_journals(:reversal) \gset
RESET SESSION AUTHORIZATION;
-- Claims go elsewhere from a new version on: March is corrected.
CALL public.rule('CLAIM', 'Sinistres et frais', '{DR 616100 FA gross_amount - 1,DR 616200 FA 1,CR 401100 FA *}', '{Sinistre,Frais}');
SELECT acct.correct_run(:mar, '2025-03-31', 'Fees apart') AS correction \gset
SELECT count(*) FROM acct.expand_journals(:correction) \gset
SET SESSION AUTHORIZATION :"checker";
SELECT count(*) FROM acct.post_journals(:correction) \gset
RESET SESSION AUTHORIZATION;
-- Another book: of two currencies, and of accounts that a FEC has not.
CALL public.rule('FOREIGN', 'Others', '{DR 512000 FA gross_amount,CR 706100 FA *}');
CALL public.rule('STRANGE', 'Others', '{DR 62 FA gross_amount,CR 47A-1 FA *}');
