#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""Print that bundles are built on the connected machine, not on this host."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))  # 04_Scripts, or the bundle's root folder above it
INSIDE = os.path.join(HERE, "04_Scripts")
sys.path.insert(0, INSIDE if os.path.isdir(INSIDE) else HERE)
sys.dont_write_bytecode = True
import install  # noqa: E402 - found there

TEXT = """\
error: bundles are built on the connected machine, with create-enterprise-offline.py of the builder, not here.
  next: To install this bundle on this host, run 04_Scripts/install.py.
"""
install.KOREAN[TEXT] = """\
오류: 번들은 이 호스트가 아니라, 인터넷에 연결된 컴퓨터에서 빌더의 create-enterprise-offline.py로 빌드합니다.
  다음: 이 호스트에 이 번들을 설치하려면 04_Scripts/install.py를 실행하십시오.
"""

if __name__ == "__main__":
    install.told(TEXT)
    sys.exit(2)
