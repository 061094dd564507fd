#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""Say where bundles are built: not on this host."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import install  # noqa: E402 - found beside this file

TEXT = """\
error: a bundle is built on the connected builder, with the create-enterprise-offline.py of its checkout, not here.
  next: to install this bundle on this host, run install.py beside this file.
"""
install.KOREAN[TEXT] = """\
오류: 번들은 이 호스트가 아니라, 연결된 빌더에 있는 create-enterprise-offline.py로 만듭니다.
  다음: 이 호스트에 이 번들을 설치하려면 이 파일 옆의 install.py를 실행하십시오.
"""

if __name__ == "__main__":
    install.told(TEXT)
    sys.exit(2)
