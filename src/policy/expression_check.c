/*
 * expression_check.c
 *		The list of what is allowed in expressions (see expression_check.h).
 *
 *	literals	become constants when parsed. Words such as 'today' would then
 *				be frozen at the date of parsing: they are refused in literals
 *				of date and time types.
 *	the rest	must be immutable and built in (OID below FirstNormalObjectId),
 *				save the extension's own helpers, and exact: no float, no
 *				division of integers.
 *
 * Transforming a literal calls the input function of its type, and that of an
 * array or row of domains runs their CHECKs: code of whoever made them, with
 * the rights of whoever compiles the text. So names of functions, operators,
 * types and collations that are not built in are refused before that, and so
 * are subqueries, which could name tables with such columns.
 */
#include "policy/expression_check.h"

#include "common/columns.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

static int
text_position(const char *text, int location)
{
	return pg_mbstrlen_with_len(text, location) + 1;
}

int
expression_position(const char *text, int location)
{
	internalerrquery(text);
	internalerrposition(text_position(text, Max(location, 0)));
	return 0;
}

/* What has no place of its own is where the last that had one is. */
static void
look_at(CheckContext *context, int location)
{
	if (location >= 0)
		context->location = location;
}

/* Refuses names in schemas that hold others than the server's and the extension's. */
static void
check_name(CheckContext *context, const char *kind, List *name, int location)
{
	const char *first = strVal(linitial(name));

	if (list_length(name) > 2 ||
		(list_length(name) == 2 && strcmp(first, "pg_catalog") != 0 && strcmp(first, "acct") != 0))
		refuse(context->text, location, "%s %s may not be used in a template expression", kind,
			   NameListToString(name));
}

static void
check_type_name(CheckContext *context, TypeName *name)
{
	Oid type = LookupTypeNameOid(NULL, name, true);

	if (type >= FirstNormalObjectId)
		refuse(context->text, name->location, "type %s is not built in", format_type_be(type));
}

/* Refuses what may not be transformed, and collects the literals. */
bool
expression_check_raw(Node *node, void *arg)
{
	CheckContext *context = arg;

	if (node == NULL)
		return false;
	look_at(context, exprLocation(node));
	switch (nodeTag(node))
	{
		case T_A_Const:
			if (!((A_Const *) node)->isnull && nodeTag(&((A_Const *) node)->val) == T_String)
				context->literals = lappend(context->literals, node);
			return false;
		case T_A_Expr:
			check_name(context, "operator", ((A_Expr *) node)->name, ((A_Expr *) node)->location);
			break;
		case T_FuncCall:
			check_name(context, "function", ((FuncCall *) node)->funcname,
					   ((FuncCall *) node)->location);
			break;
		case T_CollateClause:
			check_name(context, "collation", ((CollateClause *) node)->collname,
					   ((CollateClause *) node)->location);
			break;
		case T_TypeName:
			check_type_name(context, (TypeName *) node);
			break;
		case T_SubLink:
			refuse(context->text, ((SubLink *) node)->location,
				   "subqueries may not be used in a template expression");
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, expression_check_raw, arg);
}

/* A copy without what array and range literals quote with. */
static char *
without_quotes(const char *literal)
{
	char *plain = palloc(strlen(literal) + 1);
	char *to = plain;

	for (const char *p = literal; *p != '\0'; p++)
		if (*p != '\\' && *p != '"')
			*to++ = *p;
	*to = '\0';
	return plain;
}

/* True where a literal holds a word that the date and time types read as a moving date. */
static bool
has_moving_date(const char *literal)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};

	char *plain = without_quotes(literal);

	for (const char *p = plain; *p != '\0';)
	{
		const char *start = p;

		while (isalpha((unsigned char) *p))
			p++;
		for (int i = 0; i < lengthof(words); i++)
			if (p - start == strlen(words[i]) && pg_strncasecmp(start, words[i], p - start) == 0)
				return true;
		if (p == start)
			p++;
	}
	return false;
}

/* What a type consists of: the type below domains, arrays, ranges and multiranges. */
static Oid
innermost_type(Oid type)
{
	Oid inner = getBaseType(type);

	type = inner;
	if (OidIsValid(inner = get_element_type(type)) || OidIsValid(inner = get_range_subtype(type)) ||
		OidIsValid(inner = get_multirange_range(type)))
		return innermost_type(inner);
	return type;
}

static bool
is_datetime_type(Oid type)
{
	char category;
	bool preferred;

	get_type_category_preferred(innermost_type(type), &category, &preferred);
	return category == TYPCATEGORY_DATETIME || category == TYPCATEGORY_TIMESPAN;
}

/* How often something stands outside of strings and names in a path, as jsonpath_out() writes it. */
static int
count_in_path(const char *path, const char *what)
{
	bool quoted = false;
	int count = 0;

	for (const char *p = path; *p != '\0'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && strncmp(p, what, strlen(what)) == 0)
			count++;
	}
	return count;
}

/* Two times .** visits each value as often as there are values above it. */
static void
check_path(CheckContext *context, const Const *path)
{
	const char *text = DatumGetCString(DirectFunctionCall1(jsonpath_out, path->constvalue));

	if (count_in_path(text, ".double()") > 0)
		refuse(context->text, path->location, "the jsonpath method double() is not exact");
	if (count_in_path(text, ".**") > 1)
		refuse(context->text, path->location, "a jsonpath may have .** only once");
}

static bool
is_own_helper(Oid function)
{
	static const char *const helpers[] = {"days_in_month", "month_end", "month_start", "to_code"};
	char *name;

	if (getExtensionOfObject(ProcedureRelationId, function) !=
		get_extension_oid("ledger_engine", true))
		return false;
	name = get_func_name(function);
	for (int i = 0; i < lengthof(helpers); i++)
		if (strcmp(name, helpers[i]) == 0)
			return true;
	return false;
}

static bool
is_integer_division(Oid function)
{
	switch (function)
	{
		case F_INT2DIV:
		case F_INT4DIV:
		case F_INT8DIV:
		case F_INT24DIV:
		case F_INT42DIV:
		case F_INT28DIV:
		case F_INT82DIV:
		case F_INT48DIV:
		case F_INT84DIV:
			return true;
		default:
			return false;
	}
}

/* Marked immutable, but they look into the catalogs, or know the server's state or build. */
static bool
depends_on_server(Oid function)
{
	switch (function)
	{
		case F_PG_INDEXAM_PROGRESS_PHASENAME:
		case F_PG_WALFILE_NAME:
		case F_POSTGRESQL_FDW_VALIDATOR:
		case F_SATISFIES_HASH_PARTITION:
		case F_XML_IS_WELL_FORMED_CONTENT:
		case F_XML_IS_WELL_FORMED_DOCUMENT:
#ifdef F_UNICODE_VERSION
		case F_UNICODE_VERSION:
		case F_ICU_UNICODE_VERSION:
#endif
			return true;
		default:
			return false;
	}
}

static bool
check_function(Oid function, void *arg)
{
	CheckContext *context = arg;
	const char *text = context->text;
	int location = context->location;

	if ((function >= FirstNormalObjectId && !is_own_helper(function)) ||
		depends_on_server(function))
		refuse(text, location, "function %s may not be used in a template expression",
			   format_procedure(function));
	if (func_volatile(function) != PROVOLATILE_IMMUTABLE)
		ereport(
			ERROR,
			(errcode(ERRCODE_LE_BAD_EXPRESSION),
			 errmsg("function %s is not immutable", format_procedure(function)),
			 errdetail("Expression: %s", text),
			 errhint(
				 "Its result could differ when a run is computed again. The extension's month_start(), month_end(), days_in_month() and to_code() are immutable."),
			 expression_position(text, location)));
	if (is_integer_division(function))
		ereport(ERROR, (errcode(ERRCODE_LE_BAD_EXPRESSION),
						errmsg("division of integers cuts off decimals"),
						errdetail("Expression: %s", text),
						errhint("Write a decimal point: 30/100 is 0, 30/100.0 is 0.3."),
						expression_position(text, location)));
	return false;
}

/* What the values of a type depend on besides their text; NULL: nothing. */
static const char *
type_depends_on(Oid type)
{
	if (column_is_reg_type(type))
		return "the database or its locale";
	switch (type)
	{
		case ACLITEMOID:
		case MONEYOID:
			return "the database or its locale";
		case TIMETZOID:
			return "the day on which it is read";
		case XMLOID:
			return "how the server was built";
		default:
			return NULL;
	}
}

static bool
is_float_type(Oid type)
{
	switch (type)
	{
		case FLOAT4OID:
		case FLOAT8OID:
		case POINTOID:
		case LSEGOID:
		case PATHOID:
		case BOXOID:
		case POLYGONOID:
		case LINEOID:
		case CIRCLEOID:
			return true;
		default:
			return false;
	}
}

static void
check_type(CheckContext *context, Oid type, int location)
{
	Oid inner = innermost_type(type);

	if (type >= FirstNormalObjectId)
		refuse(context->text, location, "type %s is not built in", format_type_be(type));
	if (type_depends_on(inner) != NULL)
		refuse(context->text, location, "type %s depends on %s", format_type_be(type),
			   type_depends_on(inner));
	if (is_float_type(inner))
		ereport(ERROR, (errcode(ERRCODE_LE_BAD_EXPRESSION),
						errmsg("type %s is not exact", format_type_be(type)),
						errdetail("Expression: %s", context->text),
						errhint("Cast to numeric before computing."),
						expression_position(context->text, location)));
}

/* Pseudo-types are for what only the server's own C code can call rightly. */
static void
check_no_pseudo_type(CheckContext *context, Oid type, int location)
{
	if (type != UNKNOWNOID && get_typtype(type) == TYPTYPE_PSEUDO)
		refuse(context->text, location, "type %s may not be used in a template expression",
			   format_type_be(type));
}

/* A literal is read as the type of the column that it meets: that is checked first. */
Node *
expression_check_column(ParseState *pstate, ColumnRef *cref, Node *var)
{
	if (var != NULL && IsA(var, Var) && ((Var *) var)->varattno > 0)
		check_type(pstate->p_ref_hook_state, exprType(var), cref->location);
	return NULL;
}

static void
check_operator(CheckContext *context, Oid operator, int location)
{
	if (operator>= FirstNormalObjectId)
		refuse(context->text, location, "operator %s is not built in", get_opname(operator));
}

static void
check_column(CheckContext *context, Var *var)
{
	if (var->varattno < 0)
		refuse(context->text, var->location,
			   "system columns may not be used in a template expression");
	if (var->varattno == 0)
		refuse(context->text, var->location,
			   "a whole row may not be used in a template expression");
}

static void
check_literal(CheckContext *context, Const *constant)
{
	ListCell *lc;

	if (constant->consttype == JSONPATHOID && !constant->constisnull)
		check_path(context, constant);
	if (constant->location < 0 || !is_datetime_type(constant->consttype))
		return;
	foreach(lc, context->literals)
	{
		A_Const *literal = lfirst(lc);

		if (literal->location == constant->location && has_moving_date(strVal(&literal->val)))
			refuse(context->text, literal->location,
				   "'%s' is read once, when the expression is parsed", strVal(&literal->val));
	}
}

/*
 * Paths and queries are literals: another could compute in floating point, and
 * an error in its syntax is not of class 22, so that it would end the step.
 */
static void
check_conversion(CheckContext *context, Oid type, int location)
{
	if (type == JSONPATHOID || type == TSQUERYOID)
		refuse(context->text, location, "a %s must be a literal", format_type_be(type));
}

/*
 * The order of the collations of the operating system, which are not pinned, and
 * of ICU changes with the library.
 */
static bool
is_fixed_collation(Oid collation)
{
	HeapTuple tuple;
	bool is_fixed;

	if (!OidIsValid(collation) || collation == DEFAULT_COLLATION_OID ||
		collation == C_COLLATION_OID)
		return true;
	if (collation >= FirstUnpinnedObjectId)
		return false;
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	is_fixed = ((Form_pg_collation) GETSTRUCT(tuple))->collprovider != COLLPROVIDER_ICU;
	ReleaseSysCache(tuple);
	return is_fixed;
}

/* Refuses every node that is not on the list, and what the nodes on it may not hold. */
bool
expression_check_node(Node *node, void *arg)
{
	CheckContext *context = arg;
	int outer = context->location;
	const char *what = NULL;

	if (node == NULL)
		return false;
	look_at(context, exprLocation(node));

	switch (nodeTag(node))
	{
		case T_List:
		case T_CaseWhen:
			(void) expression_tree_walker(node, expression_check_node, arg);
			context->location = outer;
			return false;
		case T_Var:
			check_column(context, (Var *) node);
			break;
		case T_Const:
			check_literal(context, (Const *) node);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			check_operator(context, ((OpExpr *) node)->opno, context->location);
			break;
		case T_ScalarArrayOpExpr:
			check_operator(context, ((ScalarArrayOpExpr *) node)->opno, context->location);
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcretset)
				what = "set-returning functions";
			break;
		case T_CoerceViaIO:
			check_conversion(context, exprType(node), context->location);
			break;
		case T_SubscriptingRef:
		case T_BoolExpr:
		case T_RelabelType:
		case T_ArrayCoerceExpr:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_ArrayExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CollateExpr:
			break;
		case T_SubLink:
			what = "subqueries";
			break;
		case T_Aggref:
		case T_GroupingFunc:
			what = "aggregates";
			break;
		case T_WindowFunc:
			what = "window functions";
			break;
		case T_SQLValueFunction:
			what = "the session's date, time and user";
			break;
		case T_RowExpr:
		case T_RowCompareExpr:
			what = "rows";
			break;
		default:
			what = "such constructs";
	}
	if (what != NULL)
		refuse(context->text, context->location, "%s may not be used in a template expression",
			   what);

	check_type(context, exprType(node), context->location);
	if (!is_fixed_collation(exprCollation(node)))
		refuse(context->text, context->location, "collations must be built in");
	check_functions_in_node(node, check_function, context);
	check_no_pseudo_type(context, exprType(node), context->location);
	(void) expression_tree_walker(node, expression_check_node, arg);
	context->location = outer;
	return false;
}

/*
 * The planner puts the server's functions that are written in SQL into the
 * expression, unless their arguments cost too much to be computed twice. One
 * that is called does not survive an error in it, and later rows would use it.
 */
static bool
check_sql_function(Oid function, void *arg)
{
	CheckContext *context = arg;
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool is_sql;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	is_sql = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId;
	ReleaseSysCache(tuple);
	if (is_sql)
		ereport(
			ERROR,
			(errcode(ERRCODE_LE_BAD_EXPRESSION),
			 errmsg("the arguments of function %s are too costly here", format_procedure(function)),
			 errdetail("Expression: %s", context->text), errhint("Simplify its arguments."),
			 expression_position(context->text, context->location)));
	return false;
}

/* The places of a call's arguments may be those in the text of a function that was put there. */
bool
expression_check_planned(Node *node, void *arg)
{
	CheckContext *context = arg;

	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr))
		look_at(context, ((FuncExpr *) node)->location);
	else if (IsA(node, OpExpr))
		look_at(context, ((OpExpr *) node)->location);
	check_functions_in_node(node, check_sql_function, context);
	return expression_tree_walker(node, expression_check_planned, arg);
}

typedef struct Repetition
{
	CheckContext *context;
	bool varies; /* what was seen depends on the row, or on the operand of a CASE */
} Repetition;

static bool
check_right(Oid function, void *arg)
{
	AclResult right = right_to_execute(function);

	if (right != ACLCHECK_OK)
		aclcheck_error(right, OBJECT_FUNCTION, get_func_name(function));
	return false;
}

/* A tree mutator: what does not depend on the row becomes a constant, from the leaves up. */
static Node *
repeat_error(Node *node, void *arg)
{
	Repetition *repetition = arg;
	CheckContext *context = repetition->context;
	int outer = context->location;
	bool outer_varies = repetition->varies;

	if (node == NULL || IsA(node, Const))
		return node;
	look_at(context, exprLocation(node));
	repetition->varies = IsA(node, Var) || IsA(node, CaseTestExpr);
	node = expression_tree_mutator(node, repeat_error, arg);
	if (IsA(node, CaseExpr) || IsA(node, ArrayCoerceExpr))
		repetition->varies = contain_var_clause(node);
	if (!IsA(node, CoerceViaIO))
		check_functions_in_node(node, check_right, NULL);
	if (!repetition->varies && !IsA(node, List) && !IsA(node, CaseWhen))
		node = eval_const_expressions(NULL, node);
	context->location = outer;
	repetition->varies |= outer_varies;
	return node;
}

void
expression_repeat_error(CheckContext *context)
{
	Repetition repetition = {context, false};

	(void) repeat_error(context->expr, &repetition);
}
