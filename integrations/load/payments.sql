-- What ledger_load.py reads, and how its columns become those of acct.txn_source_parent. The columns that are left out have their defaults.
-- getvariable('file') is what the command line gives for "file".
SELECT payment_id AS txn_id,
       date_trunc('month', booked_on)::date AS txn_month,
       booked_on AS bank_value_date,
       CASE kind WHEN 'premium' THEN 'CONTRIB' WHEN 'fee' THEN 'UJRAH_EARN' ELSE upper(kind) END AS txn_type,
       product AS product_code,
       coalesce(channel, 'DIRECT') AS channel,
       certificate AS policy_no,
       risk_share + savings_share + operator_share AS gross_amount,
       risk_share AS tabarru_amount,
       savings_share AS investment_amount,
       operator_share AS ujroh_amount,
       to_json({branch: branch, reference: reference}) AS attributes
  FROM read_parquet(getvariable('file'))
 ORDER BY bank_value_date, txn_id
