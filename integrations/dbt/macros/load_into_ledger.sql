{# Loads the rows of a relation that acct.txn_source_parent does not have yet, in the transaction of the model: one batch, or nothing.
   The columns are those of the relation, by name. #}
{% macro load_into_ledger(relation) %}
  {%- if execute -%}
    {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='quoted') | join(', ') %}
    insert into acct.txn_source_parent ({{ columns }})
    select {{ columns }} from {{ relation }} as new
     where not exists (select from acct.txn_source_parent as old where (old.txn_id, old.txn_month) = (new.txn_id, new.txn_month))
  {%- endif -%}
{% endmacro %}
