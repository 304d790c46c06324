/*
 * source_facts.c
 *		Reads what is true of every source row (see source_facts.h).
 *
 * A CHECK lets a row pass where it is not false. So one part of an AND holds, by
 * itself, where none of its columns is NULL, and only such columns are used.
 */
#include "policy/source_facts.h"

#include "common/columns.h"
#include "policy/arithmetic.h"
#include "policy/comparison_form.h"
#include "policy/symbolic.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

LEDGER_FUNCTION(ledger_source_equalities);

static void
take_declarations(TupleDesc tupdesc, ColumnFacts *columns)
{
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		int precision;

		columns[i].is_never_null = column_is_never_null(tupdesc, i);
		columns[i].is_finite = att->atttypid != NUMERICOID;
		columns[i].scale = att->atttypid == NUMERICOID ? SCALE_UNKNOWN : 0;
		if (att->atttypid == NUMERICOID &&
			column_numeric_size(att->atttypmod, &precision, &columns[i].scale))
			columns[i].scale = Max(columns[i].scale, 0);
	}
}

/* The parts of the table's CHECK constraints that each row passes. */
static List *
check_parts(TupleDesc tupdesc)
{
	List *parts = NIL;

	for (int i = 0; tupdesc->constr != NULL && i < tupdesc->constr->num_check; i++)
	{
		ConstrCheck *check = &tupdesc->constr->check[i];

		/* Of partitions, too: a constraint of a partitioned table is inherited. */
		if (check_holds(check) && !check->ccnoinherit)
			parts = list_concat(parts, make_ands_implicit((Expr *) eval_const_expressions(
										   NULL, (Node *) stringToNode(check->ccbin))));
	}
	return parts;
}

static bool
is_nan(const Node *node)
{
	const Const *constant = (const Const *) node;

	return IsA(node, Const) && !constant->constisnull && constant->consttype == NUMERICOID &&
		   numeric_is_nan(DatumGetNumeric(constant->constvalue));
}

/* Of a column that is declared with decimals, which excludes infinity, one "column <> NaN" is enough. */
static void
take_finite(TupleDesc tupdesc, const OpExpr *op, ColumnFacts *columns)
{
	const Var *column = linitial(op->args);
	int precision;
	int scale;

	if (strcmp(comparison_name((Node *) op), "<>") == 0 && IsA(column, Var) &&
		is_nan(lsecond(op->args)) &&
		column_numeric_size(TupleDescAttr(tupdesc, column->varattno - 1)->atttypmod, &precision,
							&scale))
		columns[column->varattno - 1].is_finite = true;
}

/* "column = round(column, 2)", or trunc() */
static void
take_scale(const OpExpr *op, ColumnFacts *columns)
{
	const Var *column = linitial(op->args);
	const FuncExpr *call = lsecond(op->args);
	const Const *digits;

	if (strcmp(comparison_name((Node *) op), "=") != 0 || !IsA(column, Var) ||
		!IsA(call, FuncExpr) ||
		(call->funcid != F_ROUND_NUMERIC_INT4 && call->funcid != F_TRUNC_NUMERIC_INT4) ||
		!equal(column, linitial(call->args)) || !IsA(lsecond(call->args), Const))
		return;
	digits = lsecond(call->args);
	if (!digits->constisnull)
	{
		ColumnFacts *facts = &columns[column->varattno - 1];
		int scale = Max(DatumGetInt32(digits->constvalue), 0);

		if (facts->scale == SCALE_UNKNOWN || scale < facts->scale)
			facts->scale = scale;
	}
}

/* Have all columns of an expression a value in each row, and (finite) one that is neither NaN nor infinite? */
static bool
has_values(Node *node, const ColumnFacts *columns, bool finite)
{
	ListCell *lc;

	foreach(lc, pull_var_clause(node, 0))
	{
		const Var *var = lfirst_node(Var, lc);

		if (var->varattno <= 0 || !columns[var->varattno - 1].is_never_null ||
			(finite && !columns[var->varattno - 1].is_finite))
			return false;
	}
	return true;
}

/* The difference of the two sides where all columns are finite and it is linear; NULL where it is something else. */
static LinearForm *
difference_of(AtomTable *atoms, const SourceFacts *facts, const OpExpr *op)
{
	int ncolumns = RelationGetDescr(atoms->source)->natts;
	SourceFacts finite = {.columns = palloc_array(ColumnFacts, ncolumns)};
	ProofPath *path = path_create(atoms, &finite, 0, NULL);
	SymbolicValue a;
	SymbolicValue b;

	memcpy(finite.columns, facts->columns, sizeof(ColumnFacts) * ncolumns);
	for (int i = 0; i < ncolumns; i++)
		finite.columns[i].is_finite = true;
	(void) path_next(path);
	a = symbolic_value(path, linitial(op->args));
	b = symbolic_value(path, lsecond(op->args));
	if (path->nmade > 0 || a.kind != VALUE_FINITE || b.kind != VALUE_FINITE)
		return NULL;
	return form_subtract(a.form, b.form);
}

/* A column that is a side of a comparison by itself; NULL where neither side is one. */
static const Atom *
single_column(AtomTable *atoms, const SourceFacts *facts, const OpExpr *op)
{
	ListCell *lc;

	foreach(lc, op->args)
		if (IsA(lfirst(lc), Var))
		{
			AttrNumber column = lfirst_node(Var, lc)->varattno;

			return atom_column(atoms, column, facts->columns[column - 1].scale);
		}
	return NULL;
}

/*
 * Where a column may be NaN, an equality of it is one of numbers where it is finite: what it is equal to is finite
 * then, and so is each column there. So it can be put in for that column, and for no other one.
 */
static void
take_relation(AtomTable *atoms, const OpExpr *op, SourceFacts *facts)
{
	const char *name = comparison_name((Node *) op);
	bool finite = has_values((Node *) op, facts->columns, true);
	LinearForm *form = difference_of(atoms, facts, op);
	const Atom *column = finite ? NULL : single_column(atoms, facts, op);

	if (form == NULL || form->nterms == 0)
		return;
	if (strcmp(name, "=") == 0)
	{
		if (finite || column != NULL)
			(void) form_add_equality(atoms, form, column, &facts->equalities);
	}
	else if (finite && name[0] == '<' && name[1] != '>')
		facts->signs = lappend(facts->signs, sign_fact(form_negate(form), name[1] == '\0'));
	else if (finite && name[0] == '>')
		facts->signs = lappend(facts->signs, sign_fact(form, name[1] == '\0'));
}

SourceFacts *
source_facts(AtomTable *atoms)
{
	TupleDesc tupdesc = RelationGetDescr(atoms->source);
	SourceFacts *facts = palloc0_object(SourceFacts);
	List *comparisons = NIL;
	ListCell *lc;

	facts->columns = palloc0_array(ColumnFacts, tupdesc->natts);
	take_declarations(tupdesc, facts->columns);
	foreach(lc, check_parts(tupdesc))
		if (comparison_name(lfirst(lc)) != NULL &&
			exprType(linitial(((OpExpr *) lfirst(lc))->args)) != TEXTOID)
		{
			OpExpr *op = lfirst(lc);

			fix_opfuncids((Node *) op);
			comparisons = lappend(comparisons, op);
			take_finite(tupdesc, op, facts->columns);
			take_scale(op, facts->columns);
		}
	foreach(lc, comparisons)
	{
		const OpExpr *op = lfirst(lc);

		if (arithmetic_is_number(exprType(linitial(op->args))) &&
			arithmetic_is_number(exprType(lsecond(op->args))) &&
			has_values((Node *) op, facts->columns, false))
			take_relation(atoms, op, facts);
	}
	return facts;
}

Datum
ledger_source_equalities(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation source = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	AtomTable *atoms = atom_table(source, SCALE_UNKNOWN);
	ListCell *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, source_facts(atoms)->equalities)
	{
		const Equality *equality = lfirst(lc);
		bool nulls[2] = {false};
		Datum values[2];

		if (equality->atom->kind != ATOM_COLUMN)
			continue;
		values[0] = CStringGetTextDatum(
			NameStr(TupleDescAttr(RelationGetDescr(source), equality->atom->column - 1)->attname));
		values[1] = CStringGetTextDatum(form_text(atoms, equality->value));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	table_close(source, AccessShareLock);
	PG_RETURN_VOID();
}
