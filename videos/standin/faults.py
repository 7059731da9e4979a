"""Faults, soon."""


class Faults:
    async def around(self, standin, call, request):
        return await standin.handle(call, request)


class Control:
    def __init__(self, standin):
        self._standin = standin
