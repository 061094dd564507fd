"""All checks, in the order of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from validator.checks.application.cli import Commands
from validator.checks.application.container import ContainerObject
from validator.checks.application.dashboard import DashboardAnswer
from validator.checks.application.data import Data
from validator.checks.application.former import PreviousReleases
from validator.checks.application.models import Models
from validator.checks.application.places import Places
from validator.checks.application.probe import ModelProbe
from validator.checks.application.release import ActiveRelease
from validator.checks.application.settings import Settings
from validator.checks.application.store import StoredFiles
from validator.checks.packages.conflicts import Conflicts
from validator.checks.packages.entry_points import EntryPoints
from validator.checks.packages.imports import Imports
from validator.checks.packages.record import Record
from validator.checks.packages.versions import Versions
from validator.checks.performance.defender import Defender
from validator.checks.performance.disk import DiskSpeed
from validator.checks.performance.import_tree import ImportTree
from validator.checks.performance.imports import ImportTime
from validator.checks.performance.matrix import MatrixProduct
from validator.checks.performance.memory import MemoryBandwidth
from validator.checks.performance.model import ModelTime
from validator.checks.performance.start import StartTime
from validator.checks.security.advisories import Advisories
from validator.checks.security.ancestors import Ancestors
from validator.checks.security.copies import SecondCopies
from validator.checks.security.integrity import Integrity
from validator.checks.security.memory import TrustMemory
from validator.checks.security.opinions.literal import LiteralEvaluation
from validator.checks.security.permissions import Permissions
from validator.checks.security.pickles import PickledModels
from validator.checks.security.receipt import ReceiptLogged
from validator.checks.security.safety import SecondScanner
from validator.checks.security.secrets import Secrets
from validator.checks.security.signed import SignedFiles
from validator.checks.security.strangers import UnknownFiles
from validator.checks.system.clock import Clock
from validator.checks.system.cpu import Processor
from validator.checks.system.disk import Disk
from validator.checks.system.glibc import CLibrary
from validator.checks.system.limits import Limits
from validator.checks.system.locale import Locale
from validator.checks.system.memory import Memory
from validator.checks.system.msvc import VisualCpp
from validator.checks.system.paths import PathLength
from validator.checks.system.python import Python
from validator.checks.system.scripts import Scripts
from validator.checks.tools.managers import Managers
from validator.checks.tools.openssh import OpenSsh
from validator.checks.tools.uv import UvTool

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
    EntryPoints,
    ActiveRelease,
    Places,
    Commands,
    Settings,
    Models,
    StoredFiles,
    PreviousReleases,
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
    UnknownFiles,
    Secrets,
    Advisories,
    LiteralEvaluation,
    SecondScanner,
    PickledModels,
)
