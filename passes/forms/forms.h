// The forms, one file each. AllForms() in passes/form.h lists them; nothing else needs these names.
#ifndef CNNOPT_PASSES_FORMS_FORMS_H_
#define CNNOPT_PASSES_FORMS_FORMS_H_

#include "passes/form.h"

namespace cnnopt {

const Form* DscDepthwiseFirst();
const Form* DscPointwiseFirst();
const Form* CpForm();
const Form* LowRankForm();
const Form* BottleneckOneSided();
const Form* BottleneckTucker();
const Form* SpatialForm();
const Form* Stack3x3Form();

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_FORMS_FORMS_H_
