/*
 * comparison_form.c
 *		Comparisons in planned expressions (see comparison_form.h).
 */
#include "policy/comparison_form.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/* Elements of a list that is taken apart into comparisons. */
#define MAX_ELEMENTS 32

const char *
comparison_name(const Node *node)
{
	static const char *const names[] = {"=", "<>", "<", ">", "<=", ">="};
	const OpExpr *op = (const OpExpr *) node;
	const char *name;

	if (!IsA(node, OpExpr) || op->opresulttype != BOOLOID || list_length(op->args) != 2)
		return NULL;
	switch (exprType(linitial(op->args)))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case DATEOID:
			break;
		default:
			return NULL;
	}
	name = get_opname(op->opno);
	for (int i = 0; name != NULL && i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return names[i];
	return NULL;
}

OpExpr *
comparison_negated(OpExpr *op)
{
	Oid negator = get_negator(op->opno);
	OpExpr *equality;

	if (!OidIsValid(negator))
		return NULL;
	equality = copyObject(op);
	equality->opno = negator;
	equality->opfuncid = get_opcode(negator);
	return equality;
}

List *
comparison_list(const ScalarArrayOpExpr *expr)
{
	const Const *list = lsecond(expr->args);
	List *comparisons = NIL;
	ArrayType *array;
	int16 length;
	bool by_value;
	char align;
	Datum *values;
	bool *nulls;
	int count;

	if (!IsA(list, Const) || list->constisnull)
		return NIL;
	array = DatumGetArrayTypeP(list->constvalue);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &values, &nulls, &count);
	for (int i = 0; i < count && count <= MAX_ELEMENTS; i++)
	{
		OpExpr *op = makeNode(OpExpr);
		Const *element = makeConst(ARR_ELEMTYPE(array), -1, list->constcollid, length, values[i],
								   nulls[i], by_value);

		op->opno = expr->opno;
		op->opfuncid = get_opcode(expr->opno);
		op->opresulttype = BOOLOID;
		op->inputcollid = expr->inputcollid;
		op->args = list_make2(linitial(expr->args), element);
		op->location = -1;
		if (comparison_name((Node *) op) == NULL)
			return NIL;
		comparisons = lappend(comparisons, op);
	}
	return comparisons;
}

typedef struct CaseTest
{
	Node *operand;
	bool is_nested; /* something else has a test value of its own */
} CaseTest;

static Node *
put_operand(Node *node, void *arg)
{
	CaseTest *test = arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, CaseTestExpr))
		return copyObject(test->operand);
	if ((IsA(node, CaseExpr) && ((CaseExpr *) node)->arg != NULL) || IsA(node, ArrayCoerceExpr))
		test->is_nested = true;
	return expression_tree_mutator(node, put_operand, arg);
}

Node *
comparison_of_when(const CaseExpr *expr, const CaseWhen *when)
{
	CaseTest test = {(Node *) expr->arg, false};
	Node *condition;

	if (expr->arg == NULL)
		return (Node *) when->expr;
	condition = put_operand((Node *) when->expr, &test);
	return test.is_nested ? NULL : condition;
}
