{{ config(post_hook=["set local ledger_engine.batch_source = 'dbt {{ invocation_id }}'", "{{ load_into_ledger(this) }}"]) }}

-- The columns of a payment, mapped. What is loaded once is not loaded again.
select payment_id as txn_id,
       date_trunc('month', booked_on)::date as txn_month,
       booked_on as bank_value_date,
       case kind when 'premium' then 'CONTRIB' when 'fee' then 'UJRAH_EARN' else upper(kind) end as txn_type,
       product as product_code,
       coalesce(channel, 'DIRECT') as channel,
       certificate as policy_no,
       risk_share + savings_share + operator_share as gross_amount,
       risk_share as tabarru_amount,
       savings_share as investment_amount,
       operator_share as ujroh_amount
  from {{ source('core', 'payment') }}
 where booked_on >= '{{ var("first_month") }}'
