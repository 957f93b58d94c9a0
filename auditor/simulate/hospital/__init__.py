"""A simulated hospital: the published table layouts, filled for the people of a `Population`.

Which conditions a person has follows from age and sex by a logistic model, and a condition shifts
the traits of the ECG by its effects. Measurements, laboratory values and radiographs follow from
the traits of the ECG nearest in time; the null conditions follow from nothing. So it is known what
a model can learn from these tables.

Three groups of people follow the same models and share nobody: the patients (MIMIC-IV and the
tables joined to it), the people of ECG-ViEW II, and the biobank of the diabetes study, whose layout
is ours because the original is closed. Columns, item numbers, units and codes are those of the
published tables.
"""

from auditor.simulate.hospital.conditions import CONDITIONS
from auditor.simulate.hospital.write import Hospital

__all__ = ["CONDITIONS", "Hospital"]
