"""The functions that the original compiles from C++; all of them raise RuntimeError."""

from cv_bridge.conversion import cvtColor2
from cv_bridge.cv_type import CV_MAT_CNWrap, CV_MAT_DEPTHWrap, getCvType
from cv_bridge.display import cvtColorForDisplay

__all__ = ['CV_MAT_CNWrap', 'CV_MAT_DEPTHWrap', 'cvtColor2', 'cvtColorForDisplay', 'getCvType']
