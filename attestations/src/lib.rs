//! Evidence to an appraised key: appraisal policy and reference values
