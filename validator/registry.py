"""Every check there is, in the order of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from validator.checks.packages_conflicts import Conflicts
from validator.checks.packages_imports import Imports
from validator.checks.packages_record import Record
from validator.checks.packages_versions import Versions
from validator.checks.performance_defender import Defender
from validator.checks.performance_disk import DiskSpeed
from validator.checks.performance_import_tree import ImportTree
from validator.checks.performance_imports import ImportTime
from validator.checks.performance_matrix import MatrixProduct
from validator.checks.performance_memory import MemoryBandwidth
from validator.checks.performance_model import ModelTime
from validator.checks.performance_start import StartTime
from validator.checks.ragtrace_cli import Commands
from validator.checks.ragtrace_container import ContainerObject
from validator.checks.ragtrace_dashboard import DashboardAnswer
from validator.checks.ragtrace_data import Data
from validator.checks.ragtrace_former import FormerReleases
from validator.checks.ragtrace_models import Models
from validator.checks.ragtrace_places import Places
from validator.checks.ragtrace_probe import ModelProbe
from validator.checks.ragtrace_release import ActiveRelease
from validator.checks.ragtrace_settings import Settings
from validator.checks.ragtrace_store import KeptFiles
from validator.checks.security_advisories import Advisories
from validator.checks.security_ancestors import Ancestors
from validator.checks.security_copies import SecondCopies
from validator.checks.security_integrity import Integrity
from validator.checks.security_memory import TrustMemory
from validator.checks.security_permissions import Permissions
from validator.checks.security_pickles import PickledModels
from validator.checks.security_receipt import ReceiptLogged
from validator.checks.security_safety import SecondScanner
from validator.checks.security_secrets import Secrets
from validator.checks.security_signed import SignedFiles
from validator.checks.security_strangers import Strangers
from validator.checks.system_clock import Clock
from validator.checks.system_cpu import Processor
from validator.checks.system_disk import Disk
from validator.checks.system_glibc import CLibrary
from validator.checks.system_limits import Limits
from validator.checks.system_locale import Locale
from validator.checks.system_memory import Memory
from validator.checks.system_msvc import VisualCpp
from validator.checks.system_paths import PathLength
from validator.checks.system_python import Python
from validator.checks.system_scripts import Scripts
from validator.checks.tools_managers import Managers
from validator.checks.tools_openssh import OpenSsh
from validator.checks.tools_uv import UvTool

if TYPE_CHECKING:
    from validator.check import Check

CHECKS: tuple[type[Check], ...] = (
    Python,
    Processor,
    Memory,
    Disk,
    CLibrary,
    VisualCpp,
    Locale,
    Clock,
    PathLength,
    Scripts,
    Limits,
    UvTool,
    OpenSsh,
    Managers,
    Record,
    Versions,
    Conflicts,
    Imports,
    ActiveRelease,
    Places,
    Commands,
    Settings,
    Models,
    KeptFiles,
    FormerReleases,
    ModelProbe,
    DashboardAnswer,
    ContainerObject,
    Data,
    ImportTime,
    StartTime,
    MatrixProduct,
    ImportTree,
    MemoryBandwidth,
    DiskSpeed,
    Defender,
    ModelTime,
    Integrity,
    ReceiptLogged,
    TrustMemory,
    SecondCopies,
    SignedFiles,
    Permissions,
    Ancestors,
    Strangers,
    Secrets,
    Advisories,
    SecondScanner,
    PickledModels,
)
